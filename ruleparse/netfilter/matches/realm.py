from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import masked_test, named_mask

MATCH = Match(
    "realm",
    "The realm of the route the packet takes (iptables-extensions(8); net/netfilter/xt_realm.c).",
    (Option(("--realm",), named_mask({"cosmos": 0}), build=masked_test("route_realm")),),
    families=(4,),
)

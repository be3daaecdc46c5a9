"""ufw."""

from __future__ import annotations

from ruleparse.cni.decoder import Case, Decoder, Name, Row
from ruleparse.cni.saved import Here

_WAYS = {"input": "packets to this node", "forward": "forwarded packets", "output": "packets of this node"}


class Ufw(Decoder):
    """ufw: its stages before, user and after, and the policy at their end. Traffic of pods is forwarded traffic, which
    ufw drops unless `ufw route allow` or DEFAULT_FORWARD_POLICY lets it pass.
    """

    name = "ufw"
    title = "ufw"
    under_drop = (
        "ufw sets this policy: `ufw route allow`, or DEFAULT_FORWARD_POLICY in /etc/default/ufw, lets pods pass."
    )
    markers = ("ufw-before-input", "ufw6-before-input", "ufw-user-input", "ufw6-user-input")

    def _stage(self, stage: str, way: str) -> str:
        return f"ufw {stage.replace('-', ' ')}, {_WAYS[way]}"

    chains = (
        Name("ufw6?-(?P<stage>.+)-(?P<way>input|forward|output)", _stage),
        Name("ufw6?-not-local", "ufw: drop what is not for this node"),
        Name("ufw6?-logging-(?P<what>.+)", "ufw logs: {what}"),
        Name("ufw6?-user-limit.*", "ufw rate limit"),
    )
    rules = (
        Row("a rule of yours: {target}", chain="ufw6?-user-(input|forward|output)", target="ACCEPT|DROP|REJECT"),
        Row("part of a known connection", chain="ufw6?-before-.*", words="ESTABLISHED"),
        Row("conntrack knows no connection for it", chain="ufw6?-before-.*", words="state INVALID"),
        Row("ufw always accepts it", chain="ufw6?-before-.*", target="ACCEPT"),
        Row("logged", chain="ufw6?-.*", target="LOG"),
        Row("remember the connection", chain="ufw6?-track-.*", target="ACCEPT"),
        Row("not for this node", chain="ufw6?-not-local", target="DROP"),
        Row("the default of ufw: {target}", chain="ufw6?-skip-to-policy-.*"),
    )

    def _default(self, here: Here, case: Case, way: str) -> str:
        return f"No rule of ufw let it pass, and its default for {_WAYS[way]} is {here.target}."

    decisions = (
        Row("A rule of ufw says so: `ufw status numbered` lists them.", chain="ufw6?-user-.*", target="DROP|REJECT"),
        Row(_default, chain="ufw6?-(skip-to-policy|reject)-(?P<way>.+)", target="DROP|REJECT"),
    )

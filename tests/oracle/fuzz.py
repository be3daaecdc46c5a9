"""Random rulesets and packets, the kernel and ruleparse side by side, for as long as you like.

python -m tests.oracle.fuzz --seed 1 --seconds 600 --keep /tmp/disagreements
python -m tests.oracle.fuzz --seed 1 --seconds 60 --record /tmp/recording.jsonl
python -m tests.oracle.fuzz --replay /tmp/disagreements/1-0-3-17
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import fields
from pathlib import Path

from tests.oracle import reproduce
from tests.oracle.campaign import Campaign, Options
from tests.oracle.compare import WRONG
from tests.oracle.kernel import FLAVOURS, stay_on_one_cpu
from tests.oracle.rulesets import PROFILES


def _parser() -> argparse.ArgumentParser:
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m tests.oracle.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--seed", default=defaults.seed, help="what sites, rulesets and packets are drawn from")
    add("--seconds", type=float, default=defaults.seconds, help="how long to go on (%(default)g)")
    add("--packets", type=int, default=defaults.packets, help="packets for each ruleset (%(default)d)")
    add("--family", type=int, choices=(4, 6))
    add("--flavour", choices=FLAVOURS)
    add("--profile", choices=[profile.name for profile in PROFILES], help="one kind of ruleset only")
    add("--stateful", action="store_true", help="whole connections instead of first packets")
    add("--record", type=Path, metavar="FILE", help="write down the kernel's side as JSON lines, and ask nobody")
    add("--keep", type=Path, metavar="DIR", help="write a folder for each kind of disagreement")
    add("--most-kept", type=int, default=defaults.most_kept, help="how many of them (%(default)d)")
    add("--shrink-seconds", type=float, default=defaults.shrink_seconds, help="patience with each (%(default)g)")
    add("--replay", type=Path, metavar="DIR", help="play a kept folder again")
    return parser


def _replay(folder: Path) -> int:
    with stay_on_one_cpu():
        case = reproduce.replay(folder)
    print(case, end="")
    return case.judgement.kind == WRONG


def main() -> int:
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that namespaces are removed
    if asked.replay:
        return _replay(asked.replay)
    campaign = Campaign(Options(**{option.name: getattr(asked, option.name) for option in fields(Options)}))
    try:
        campaign.run()
    finally:
        print(*campaign.report(), sep="\n")
    return campaign.failed and not asked.record


if __name__ == "__main__":
    sys.exit(main())

"""Random pipelines and packets, Open vSwitch and ruleparse side by side, for as long as you like.

python -m tests.oracle.ovs.fuzz --seed 1 --seconds 600 --keep /tmp/disagreements
python -m tests.oracle.ovs.fuzz --seed 1 --pairs 50000 --seconds 3600
python -m tests.oracle.ovs.fuzz --replay /tmp/disagreements/1-17-3
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import fields
from pathlib import Path

from corpora.vswitchd import missing
from tests.oracle.compare import EXACT
from tests.oracle.ovs import reproduce
from tests.oracle.ovs.campaign import Campaign, Options
from tests.oracle.ovs.judge import judge


def _parser() -> argparse.ArgumentParser:
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m tests.oracle.ovs.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", default=defaults.seed, help="what pipelines and packets are drawn from")
    add("--seconds", type=float, default=defaults.seconds, help="how long to go on (%(default)g)")
    add("--packets", type=int, default=defaults.packets, help="packets for each pipeline (%(default)d)")
    add("--pairs", type=int, default=defaults.pairs, help="stop after so many packets")
    add("--keep", type=Path, metavar="DIR", help="write a folder for each of the first disagreements")
    add("--most-kept", type=int, default=defaults.most_kept, help="how many of them (%(default)d)")
    add("--shrink-seconds", type=float, default=defaults.shrink_seconds, help="patience with each (%(default)g)")
    add("--replay", type=Path, metavar="DIR", help="play a kept folder again")
    return parser


def _replay(folder: Path) -> int:
    with judge() as switch:
        case = reproduce.replay(switch, folder)
    if case is None:
        print("the switch does not take it", file=sys.stderr)
        return 2
    print(case.trace, case.judgement.kind, case.judgement.why, sep="\n")
    return case.judgement.kind != EXACT


def main() -> int:
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the switch is stopped
    if lacking := missing():
        print(lacking, file=sys.stderr)
        return 2
    if asked.replay:
        return _replay(asked.replay)
    campaign = Campaign(Options(**{option.name: getattr(asked, option.name) for option in fields(Options)}))
    try:
        campaign.run()
    finally:
        print(*campaign.report(), sep="\n")
    return campaign.failed


if __name__ == "__main__":
    sys.exit(main())

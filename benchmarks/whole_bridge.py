"""What all packets to a pod cost in a big bridge: `query` on generated flows of Antrea.

python -m benchmarks.whole_bridge [--flows 1000,20000]

Each run is a fresh process; time is that of the processor, memory the peak.

The packets are all TCP packets to one pod, from any port and sender. Without their destination the walk takes half a
minute on a bridge of 20,000 flows, but there are hundreds of sets of thousands of rows to write down.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.bridges import BRIDGE, write
from benchmarks.whole import run

ASKED = "tcp,nw_dst=10.244.1.12"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", default="1000,20000", help="sizes of bridges (%(default)s)")
    for flows in map(int, parser.parse_args().flows.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            given, saved = Path(folder) / "given", Path(folder) / "saved"
            given.mkdir()
            saved.mkdir()
            write(flows, given, saved)
            print(
                f"{flows:>7,} flows   query {ASKED}",
                run("query", saved, "--bridge", BRIDGE, "--flow", ASKED),
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Write the corpora, check that they are what the writers write, or write one big node.

python corpora/generate.py            write all corpora and MANIFEST.toml
python corpora/generate.py --check    name the committed files that differ
python corpora/generate.py --node big --services 5000 --endpoints 3 -o DIR
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from corpora.catalogue import all_dumps
from corpora.catalogue.big import Size, big_node
from corpora.catalogue.manifest import manifest

ROOT = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.node:
        return _write_big(options)
    expected = _expected_files()
    return _check(expected) if options.check else _write(expected)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="say which committed files differ; write nothing")
    parser.add_argument("--node", choices=["big"], help="write this node instead of the corpora")
    parser.add_argument("--services", type=int, default=5000)
    parser.add_argument("--endpoints", type=int, default=3, help="endpoints of each service")
    parser.add_argument("--no-comments", action="store_true", help="no comments on endpoint chains, as kube-proxy does")
    parser.add_argument("--pods", type=int, default=0, help="pods of Calico on the node; 0 is a node without Calico")
    parser.add_argument("--policies", type=int, default=100, help="network policies, spread over 50 namespaces")
    parser.add_argument("--members", type=int, default=1000, help="addresses in the ipset of each policy")
    parser.add_argument("--backend", choices=["legacy", "nft"], default="legacy")
    parser.add_argument("-o", "--output", type=Path, help="folder for --node")
    options = parser.parse_args(arguments)
    if options.node and not options.output:
        parser.error("--node needs -o DIR")
    return options


def _write_big(options: argparse.Namespace) -> int:
    policies = options.policies if options.pods else 0
    size = Size(options.services, options.endpoints, options.pods, policies, options.members, not options.no_comments)
    _write_files(options.output, big_node(size, options.backend))
    return 0


def _expected_files() -> dict[str, str]:
    dumps = all_dumps()
    files = {f"{dump.folder}/{name}": text for dump in dumps for name, text in dump.files.items()}
    return files | {"MANIFEST.toml": manifest(dumps, ROOT)}


def _write(expected: dict[str, str]) -> int:
    _write_files(ROOT, expected)
    for path in _unexpected(expected):
        path.unlink()
    return 0


def _write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _unexpected(expected: dict[str, str]) -> list[Path]:
    """Files in folders of ours that no writer writes any more."""
    folders = {name.split("/")[0] for name in expected if "/" in name}
    found = [path for folder in sorted(folders) for path in sorted((ROOT / folder).glob("*.txt"))]
    return [path for path in found if str(path.relative_to(ROOT)) not in expected]


def _check(expected: dict[str, str]) -> int:
    differing = [name for name, text in expected.items() if _committed(ROOT / name) != text]
    unexpected = [str(path.relative_to(ROOT)) for path in _unexpected(expected)]
    for name in differing:
        print(f"differs: {name}")
    for name in unexpected:
        print(f"not written by any writer: {name}")
    return 1 if differing or unexpected else 0


def _committed(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())

"""The house rules that a reader relies on: imports point down, modules are small, `import ruleparse` is light."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "ruleparse"

# A module may import what stands on lower lines: nothing above it, nothing beside it.
LAYERS = """
    __main__
    __init__
    cli
    report
    node
    inventory
    drawing
    check
    sessions
    changes
    query
    journey
    why_bridge whereabouts
    why lint parties
    cni
    wired attached
    fates
    sets spec
    evaluate graph snapshot effects
    netfilter openflow routing
    program
    interface_atoms kubernetes waiting
    codec
    packet
    bits
    words
    grammars sniff
    text protocols capture jhash
"""

# Dialects lower into a Program, and these see nothing but that. (cni reads the names that iptables rules carry.)
DIALECTS = {"netfilter", "openflow", "routing"}
BLIND = {
    "why": DIALECTS,
    "query/host": DIALECTS,
    "query/address_matrix": DIALECTS,
    "query/matrix": DIALECTS,
    "changes/host": DIALECTS,
    "fates": DIALECTS,
    "sets": DIALECTS,
    "check": DIALECTS,
    "cni": {"routing"},
    "evaluate": DIALECTS,
    "graph": DIALECTS,
}

MOST_LINES = 450

# Imported where they are used: they cost more than many a question.
HEAVY = {"lark", "networkx", "oxidd", "pydantic"}

DEPTH = {name: depth for depth, line in enumerate(LAYERS.split("\n")) for name in line.split()}


def test_imports_point_down():
    report(wrong_imports(PACKAGE))


def test_modules_are_small():
    report(large_modules(PACKAGE))


def test_importing_ruleparse_is_light():
    if not (PACKAGE / "__init__.py").is_file():
        pytest.skip("there is no ruleparse/__init__.py yet")
    report(f"import ruleparse imports {name}" for name in heavy_imports(PACKAGE))


def report(complaints: Iterable[str]) -> None:
    if found := "\n".join(complaints):
        pytest.fail(found, pytrace=False)


# The guards themselves


def wrong_imports(package: Path) -> Iterator[str]:
    """Every import that runs against the layers, as `file:line: what is wrong`."""
    for path in modules(package):
        inside = path.relative_to(package)
        importer = inside.parts[0].removesuffix(".py")
        place = f"{package.name}/{inside}"
        if importer not in DEPTH:
            yield f"{place}:1: {importer} stands on no line of LAYERS"
            continue
        for line, imported in imports(path, package):
            if imported == importer:
                continue
            if imported not in DEPTH:
                yield f"{place}:{line}: {importer} imports {imported}, which stands on no line of LAYERS"
            elif DEPTH[imported] <= DEPTH[importer]:
                where = "beside" if DEPTH[imported] == DEPTH[importer] else "above"
                yield f"{place}:{line}: {importer} imports {imported}, which stands {where} it"
            elif imported in blind_to(inside):
                yield f"{place}:{line}: {importer} imports {imported}, and should know no such dialect"


def blind_to(inside: Path) -> set[str]:
    """The dialects that a module must not know, by its own name or by that of its package."""
    return BLIND.get(inside.parts[0].removesuffix(".py"), set()) | BLIND.get(str(inside.with_suffix("")), set())


def imports(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """The line of every import of the package's own, and the top-level module that it reaches."""
    own = (package.name, *path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            targets = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = own[: -node.level] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            targets = [(*base, alias.name) for alias in node.names]
        else:
            continue
        for target in targets:
            if target[0] == package.name:
                name = target[1] if len(target) > 1 else ""
                yield node.lineno, name if name in DEPTH or is_module(package / name) else "__init__"


def is_module(path: Path) -> bool:
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def large_modules(package: Path) -> Iterator[str]:
    for path in modules(package):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            yield f"{package.name}/{path.relative_to(package)}: {lines} lines, more than {MOST_LINES}"


def heavy_imports(package: Path) -> list[str]:
    """Which of the heavy libraries a bare import of the package brings in."""
    script = f"""
        import sys
        sys.path.insert(0, {str(package.parent)!r})
        import {package.name}
        print(*sorted({HEAVY!r} & sys.modules.keys()))
    """
    python = [sys.executable, "-I", "-c", dedent(script)]
    return subprocess.run(python, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


# Each guard can fail


@pytest.fixture
def house(tmp_path):
    """house(path=source) builds a made-up package."""

    def build(sources: dict[str, str]) -> Path:
        package = tmp_path / "ruleparse"
        for name, source in sources.items():
            path = package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return package

    return build


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("bits.py", "import ruleparse.packet", "1: bits imports packet, which stands above it"),
        ("bits.py", "\nfrom ruleparse import packet", "2: bits imports packet, which stands above it"),
        ("bits.py", "from .packet import Field", "1: bits imports packet, which stands above it"),
        ("bits.py", "def late():\n    from . import packet", "2: bits imports packet, which stands above it"),
        ("netfilter/hooks.py", "from ..evaluate import run", "1: netfilter imports evaluate, which stands above it"),
        ("netfilter/matches/tcp.py", "from ... import cli", "1: netfilter imports cli, which stands above it"),
        ("netfilter/__init__.py", "from ..graph import X", "1: netfilter imports graph, which stands above it"),
        ("routing/rules.py", "import ruleparse.openflow.keys", "1: routing imports openflow, which stands beside it"),
        ("evaluate.py", "from .netfilter import X", "1: evaluate imports netfilter, and should know no such dialect"),
        ("cni/antrea.py", "from .. import routing", "1: cni imports routing, and should know no such dialect"),
        ("changes/host.py", "from .. import routing", "1: changes imports routing, and should know no such dialect"),
        ("report/text.py", "from ruleparse import Node", "1: report imports __init__, which stands above it"),
        ("report/text.py", "import ruleparse", "1: report imports __init__, which stands above it"),
        ("helpers.py", "", "1: helpers stands on no line of LAYERS"),
    ],
)
def test_an_import_that_points_up_is_found(house, name, source, complaint):
    assert list(wrong_imports(house({name: source}))) == [f"ruleparse/{name}:{complaint}"]


def test_a_module_outside_the_layers_is_found_where_it_is_used(house):
    package = house({"cli/why.py": "from ruleparse import helpers", "helpers.py": ""})
    assert list(wrong_imports(package)) == [
        "ruleparse/cli/why.py:1: cli imports helpers, which stands on no line of LAYERS",
        "ruleparse/helpers.py:1: helpers stands on no line of LAYERS",
    ]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("cli/why.py", "from ruleparse.report.text import render\nfrom . import options"),
        ("cni/calico.py", "from ..netfilter.names import chain\nfrom ..text import Span"),
        ("netfilter/matches/tcp.py", "from ... import codec, packet, text\nfrom ..hooks import HOOKS\nimport re"),
        ("__init__.py", "from .snapshot import load\nfrom .changes import diff"),
        ("changes/bridge.py", "import ruleparse.openflow"),
        ("evaluate.py", "from text import elsewhere\nimport ruleparser.cli"),
    ],
)
def test_an_import_that_points_down_is_right(house, name, source):
    assert list(wrong_imports(house({name: source}))) == []


def test_a_package_that_is_not_there_has_no_wrong_imports(tmp_path):
    assert list(wrong_imports(tmp_path / "ruleparse")) == []


def test_a_large_module_is_found(house):
    package = house({"bits.py": "x = 1\n" * MOST_LINES, "lint/shadow.py": "x = 1\n" * (MOST_LINES + 1)})
    assert list(large_modules(package)) == ["ruleparse/lint/shadow.py: 451 lines, more than 450"]


def test_a_heavy_import_is_found(house):
    package = house({"__init__.py": "from . import bits", "bits.py": "import networkx\ndef late(): import lark"})
    assert heavy_imports(package) == ["networkx"]


def test_a_package_that_does_not_import_is_an_error(house):
    with pytest.raises(subprocess.CalledProcessError):
        heavy_imports(house({"__init__.py": "import no_such_module_at_all"}))


def test_no_group_is_repeated_possessively():
    """Python 3.11.2, which Debian 12 has, goes on in the wrong place behind `(...)*+`; `(?>(...)*)` says the same."""
    sources = [*PACKAGE.glob("**/*.py"), *PACKAGE.parent.glob("grammar/*.lark")]
    repeated = re.compile(r"\)[*+?]\+(?![} ])")
    assert [path.name for path in sources if repeated.search(path.read_text())] == []

"""The dumps that lint rules' own pages show, and where in them the defect stands."""

import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ruleparse.lint.registry import rule
from ruleparse.snapshot import Snapshot, load

HERE = "# here"
MORE = ("# with another file of the node: ", "# with a third file of the node: ")


@dataclass(frozen=True)
class Example:
    """The text of a dump, the line meant, and what else was saved."""

    text: str
    line: int
    more: tuple[str, ...]

    def node(self, folder: Path) -> Snapshot:
        (folder / "rules.txt").write_text(self.text)
        for number, text in enumerate(self.more, 1):
            (folder / f"more-{number}.txt").write_text(text)
        return load([folder])


def example(name: str) -> Example:
    declared = rule(name)
    assert declared is not None
    page = inspect.cleandoc(declared.doc)
    text = textwrap.dedent(page.partition("\nExample:\n\n")[2]) + "\n"
    lines = text.splitlines()
    more = ["".join(line.removeprefix(of) + "\n" for line in lines if line.startswith(of)) for of in MORE]
    return Example(text, lines.index(HERE) + 2, tuple(filter(None, more)))

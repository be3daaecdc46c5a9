"""What README.md shows is what happens: its commands are run, and its Python is, too."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

README = ROOT / "README.md"
COLUMNS = "100"

CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"(?<=^```pycon\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
"""A command, which may go on behind a backslash, and the output shown below it."""


def test_commands(request: pytest.FixtureRequest):
    readme = README.read_text()
    shown = [found for block in CONSOLE.findall(readme) for found in COMMAND.findall(block)]
    assert any(command.startswith("ruleparse why") for command, _ in shown)
    for command, output in shown:
        readme = readme.replace(f"$ {command}\n{output}", f"$ {command}\n{run(command)}")
    if request.config.getoption("--update-golden"):
        README.write_text(readme)
    assert readme == README.read_text(), "README.md shows something else; if the new text is right: make golden"


def run(command: str) -> str:
    """What a command prints in a terminal of COLUMNS; it ends well (a diff with findings), and without complaints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": COLUMNS, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (int(" diff " in command), "")
    return done.stdout


def test_python(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    code = "".join(PYTHON.findall(README.read_text()))
    example = doctest.DocTestParser().get_doctest(code, {}, README.name, str(README), 0)
    complaints: list[str] = []
    doctest.DocTestRunner().run(example, out=complaints.append)
    assert example.examples
    assert not "".join(complaints)

"""The command line: one file a command, loaded when it is called."""

from __future__ import annotations

import atexit
import gc
import importlib
import sys

import click

COMMANDS = ("why", "query", "diff", "lint", "check", "show", "graph", "doc")


class _Lazy(click.Group):
    """A group whose commands are imported only when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"ruleparse.cli.{cmd_name}").command
        return command


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ruleparse", prog_name="ruleparse")
def group() -> None:
    """Say what saved dumps of a Kubernetes node do to a packet, and why.

    Start with: ruleparse why DUMP... --src A --dst B --proto tcp --dport 443
    """


def main() -> None:
    """Entry point; never shows a traceback."""
    gc.disable()  # a command makes much and drops little: collecting cycles would cost a fifth of its time
    atexit.register(gc.freeze)  # and so would the last collection, when the process ends
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    try:
        group(prog_name="ruleparse")
    except RecursionError as error:
        _refuse(f"the input nests too deeply: {error}")
    except OSError as error:
        _refuse(str(error))
    except MemoryError:
        _refuse("out of memory; ask about fewer unknown fields")


def _refuse(message: str) -> None:
    from ruleparse.cli.common import UNREADABLE, fail

    fail(message, UNREADABLE)

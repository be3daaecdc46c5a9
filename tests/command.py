"""Runs the command line inside the test's own process, as a shell would see it."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ruleparse.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str


def run(*words: str | Path, stdin: bytes = b"") -> Ran:
    """ruleparse WORDS... An exception that escapes `main` is the test's failure: a user would see its traceback."""
    with streams(stdin) as (out, err), mock.patch.object(sys, "argv", ["ruleparse", *map(str, words)]):
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ran(status, text_of(out), text_of(err))


@contextmanager
def streams(stdin: bytes) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Standard input with these bytes; standard output and error, which are no terminals."""
    given, out, err = (io.TextIOWrapper(io.BytesIO(data), encoding="utf-8") for data in (stdin, b"", b""))
    with mock.patch.multiple(sys, stdin=given, stdout=out, stderr=err):
        yield out, err


def text_of(stream: io.TextIOWrapper) -> str:
    stream.flush()
    data = stream.buffer
    assert isinstance(data, io.BytesIO)
    return data.getvalue().decode("utf-8", "surrogateescape")

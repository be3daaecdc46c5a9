"""Where things are and what is wrong with them: sources, spans, diagnostics."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, Literal

Severity = Literal["error", "warning", "note"]

_BLOCK = 1 << 14
_LONGEST = 1000
"""Characters of a message that are shown."""


@dataclass(frozen=True, eq=False)
class Source:
    """One text that was read. `name` is what the user called it; bytes that are not UTF-8 are kept as surrogates."""

    name: str
    text: str

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> Source:
        return cls(name, decoded(data))

    @classmethod
    def from_path(cls, path: Path) -> Source:
        """Raises OSError as `open` does, and for what is larger than any dump, or no whole gzip file."""
        with path.open("rb") as file:
            return cls.from_file(str(path), file)

    @classmethod
    def from_file(cls, name: str, file: BinaryIO) -> Source:
        return cls.from_bytes(name, unpacked(name, read_at_most(name, file)))

    @cached_property
    def _lines_before(self) -> list[int]:
        """How many lines end before each block of the text."""
        counts = (self.text.count("\n", at, at + _BLOCK) for at in range(0, len(self.text), _BLOCK))
        return [0, *accumulate(counts)]

    def line_of(self, offset: int) -> int:
        """The line, counted from 1, that holds the character at `offset`."""
        block = offset // _BLOCK
        return self._lines_before[block] + self.text.count("\n", block * _BLOCK, offset) + 1

    def column_of(self, offset: int) -> int:
        """The column, counted from 1 in characters, of the character at `offset`."""
        return offset - self.text.rfind("\n", 0, offset)

    def line_around(self, offset: int) -> str:
        """The line that holds the character at `offset`, without its end."""
        end = self.text.find("\n", offset)
        return self.text[self.text.rfind("\n", 0, offset) + 1 : end if end >= 0 else len(self.text)].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """The characters `start` to `end` (half open) of a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.line_of(self.start)

    @property
    def column(self) -> int:
        return self.source.column_of(self.start)

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def where(self) -> str:
        return f"{self.source.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something a reader or an analysis has to say about a place in a source."""

    name: str
    severity: Severity
    message: str
    span: Span | None = None
    notes: tuple[str, ...] = field(default=())
    fix: str | None = None

    def render(self, width: int = 160) -> str:
        """As a compiler prints it: place, message, the line, a caret under the columns meant."""
        message = self.message if len(self.message) <= _LONGEST else self.message[:_LONGEST] + " …"
        if self.span is None:
            return "\n".join([f"{self.severity}: {message} [{self.name}]", *self._tail()])
        span = self.span
        head = f"{span.where}:{span.column}: {self.severity}: {message} [{self.name}]"
        return "\n".join([head, *caret_lines(span, width), *self._tail()])

    def _tail(self) -> Iterator[str]:
        yield from (f"  note: {n}" for n in self.notes)
        if self.fix:
            yield f"  fix: {self.fix}"


def printable(text: str) -> str:
    """`text` with control characters and stray bytes shown as escapes, one column a character where possible."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c == "\t" else ascii(c)[1:-1] for c in text)


def caret_lines(span: Span, width: int = 160) -> list[str]:
    """The line a span starts on, cut to `width` around the span, and carets below it."""
    line, column = span.source.line_around(span.start), span.column - 1
    length = max(1, min(span.end - span.start, len(line) - column))
    room = max(20, width - 4)
    start = 0 if len(line) <= room else max(0, min(column - room // 3, len(line) - room))
    shown = line[start : start + room]
    before, marked = printable(shown[: column - start]), printable(shown[column - start : column - start + length])
    cut = ("…" if start else "") + printable(shown) + ("…" if start + room < len(line) else "")
    return ["    " + cut, "    " + " " * (len(before) + bool(start)) + "^" * max(1, len(marked))]


LARGEST = 1 << 29
"""Octets of a text: some millions of rules."""

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_at_most(name: str, file: BinaryIO) -> bytes:
    """Raises OSError for what is larger than LARGEST, or has no end."""
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(errno.EFBIG, f"more than {LARGEST >> 20} MiB, so it is no dump of a node", name)
    return data


def unpacked(name: str, data: bytes) -> bytes:
    """What gzip packed, anything else as it is. Raises OSError for a gzip file that is damaged."""
    if not data.startswith(_GZIP):
        return data
    import gzip
    import zlib

    try:
        with gzip.open(io.BytesIO(data)) as file:
            return read_at_most(name, file)  # type: ignore[arg-type]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OSError(errno.EINVAL, f"a damaged gzip file: {error}", name) from None


def decoded(data: bytes) -> str:
    """UTF-8 with or without a byte order mark, or UTF-16 with one, as PowerShell writes it."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace").replace("\r\n", "\n")
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")

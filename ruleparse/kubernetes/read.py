"""Reads what `kubectl get -o json` printed: a list, single objects, or several of either one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from ruleparse.kubernetes.cluster import Cluster, Endpoints, Pod, Policy, Service
from ruleparse.kubernetes.places import Path, place
from ruleparse.text import Diagnostic, Source, Span

if TYPE_CHECKING:
    from pydantic import ValidationError

T = TypeVar("T")
_MOST = 20
"""Problems of one text that are told."""


def read(sources: Iterable[Source]) -> tuple[Cluster, list[Diagnostic]]:
    """All that some texts hold, and what is wrong with them. Kinds that have no addresses are passed over."""
    readers = [_Reader(source) for source in sources]
    for reader in readers:
        reader.read()
    found = [thing for reader in readers for thing in reader.found]

    def of(kind: type[T]) -> list[T]:
        return [thing for thing in found if isinstance(thing, kind)]

    namespaces = {name: labels for reader in readers for name, labels in reader.namespaces.items()}
    cluster = Cluster(of(Pod), of(Service), of(Endpoints), of(Policy), namespaces)
    return cluster, [d for reader in readers for d in reader.told()]


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Any] = []
        self.namespaces: dict[str, dict[str, str]] = {}
        self.diagnostics: list[Diagnostic] = []

    def told(self) -> list[Diagnostic]:
        more = len(self.diagnostics) - _MOST
        if more <= 0:
            return self.diagnostics
        words = f"{self.source.name}: {more} more objects are not as Kubernetes writes them"
        return [*self.diagnostics[:_MOST], Diagnostic("kubernetes", "error", words)]

    def read(self) -> None:
        for at, document in self.documents():
            self.object(document, at, (), "")

    def documents(self) -> Iterator[tuple[int, Any]]:
        """Every document and where it starts."""
        text, at = self.source.text, 0
        decoder = json.JSONDecoder()
        while (at := _behind_blanks(text, at)) < len(text):
            try:
                document, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError as error:
                self.complain(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", error.pos, error.pos + 1)
                return
            except (RecursionError, ValueError) as error:
                self.complain(f"not JSON that can be read: {error}", at, at + 1)
                return
            yield at, document
            at = end

    def object(self, document: Any, at: int, path: Path, kind: str) -> None:
        """One object, or each of a list; `kind` where only the list says it."""
        if not isinstance(document, dict):
            self.misplaced("an object of Kubernetes is expected here", at, path)
            return
        said = document.get("kind", kind)
        items = document.get("items")
        if isinstance(said, str) and said.endswith("List") and isinstance(items, list):
            for index, item in enumerate(items):
                self.object(item, at, (*path, "items", index), said.removesuffix("List"))
        elif isinstance(said, str):
            self.one(said, document, at, path)
        else:
            self.misplaced("the kind of an object is a text", at, (*path, "kind"))

    def one(self, kind: str, document: dict[str, Any], at: int, path: Path) -> None:
        from pydantic import ValidationError

        from ruleparse.kubernetes.objects import KINDS, Namespace

        model = KINDS.get(kind)
        if model is None:
            return
        try:
            made: Any = model.model_validate(document)
        except ValidationError as error:
            self.wrong(kind, error, at, path)
            return
        if isinstance(made, Namespace):
            self.namespaces[made.metadata.name] = made.metadata.labels or {}
            return
        found = made.found()
        self.found += found if isinstance(found, list) else [found] if found is not None else []

    def wrong(self, kind: str, error: ValidationError, at: int, path: Path) -> None:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = f"{kind} {where}: {first['msg'][:1].lower()}{first['msg'][1:]}; this object is left out"
        self.misplaced(message, at, (*path, *first["loc"]))

    def misplaced(self, message: str, at: int, path: Path) -> None:
        self.complain(message, *place(self.source.text, at, path))

    def complain(self, message: str, start: int, end: int) -> None:
        self.diagnostics.append(Diagnostic("kubernetes", "error", message, Span(self.source, start, end)))


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at

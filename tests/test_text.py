"""Texts as they come: packed, marked, too large."""

import gzip
from pathlib import Path

import pytest

from ruleparse.text import Diagnostic, Source

DUMP = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"


@pytest.mark.parametrize(
    "data",
    [
        DUMP.encode("utf-8-sig"),
        DUMP.encode("utf-16"),
        DUMP.replace("\n", "\r\n").encode("utf-16"),
        gzip.compress(DUMP.encode()),
    ],
    ids=["utf-8 with a mark", "utf-16", "utf-16 of windows", "gzip"],
)
def test_a_text_in_another_wrapping(data, tmp_path):
    (tmp_path / "save").write_bytes(data)
    assert Source.from_path(tmp_path / "save").text == DUMP


def test_a_damaged_gzip_file_is_no_text(tmp_path):
    (tmp_path / "save.gz").write_bytes(gzip.compress(DUMP.encode())[:-10])
    with pytest.raises(OSError, match="a damaged gzip file"):
        Source.from_path(tmp_path / "save.gz")


def test_what_has_no_end_is_no_text(monkeypatch):
    monkeypatch.setattr("ruleparse.text.LARGEST", 1 << 20)
    with pytest.raises(OSError, match="so it is no dump"):
        Source.from_path(Path("/dev/zero"))


def test_a_message_is_cut_short():
    assert len(Diagnostic("x", "error", "y" * 10_000_000).render()) < 2000

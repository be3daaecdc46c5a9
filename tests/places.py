"""Where things stand in a checkout."""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
CORPORA = ROOT / "corpora"
TABLES = TESTS / "tables"
GOLDEN = TESTS / "golden"

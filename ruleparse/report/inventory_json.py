"""An inventory as JSON; `ruleparse doc --schema show` has the schema."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TextIO

from ruleparse.inventory.model import Inventory


def write_inventory(found: Inventory, out: TextIO) -> None:
    """The whole, nothing cut."""
    json.dump({"schema": "ruleparse/show/1", "node": asdict(found)}, out, indent=2)
    out.write("\n")

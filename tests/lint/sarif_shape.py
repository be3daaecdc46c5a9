"""What SARIF 2.1.0 requires of the parts that ruleparse writes (docs.oasis-open.org/sarif/sarif/v2.1.0)."""

from collections.abc import Iterator
from typing import Any

TEXT = {"text": str}
LEVELS = ("none", "note", "warning", "error")
REGION = {"startLine": int, "startColumn": int, "endLine": int, "endColumn": int, "snippet": TEXT}
PHYSICAL = {"artifactLocation": {"uri": str}, "region": REGION}
LOCATION = {"physicalLocation": PHYSICAL, "message?": TEXT, "id?": int}
RULE = {
    "id": str,
    "shortDescription": TEXT,
    "fullDescription": TEXT,
    "help": TEXT,
    "defaultConfiguration": {"level": LEVELS},
}
RESULT = {
    "ruleId": str,
    "ruleIndex": int,
    "level": LEVELS,
    "message": TEXT,
    "locations": [LOCATION],
    "relatedLocations?": [LOCATION],
    "partialFingerprints": {"ruleparse/1": str},
}
DRIVER = {"name": str, "version": str, "rules": [RULE]}
RUN = {"tool": {"driver": DRIVER}, "columnKind": ("utf16CodeUnits", "unicodeCodePoints"), "results": [RESULT]}
LOG = {"$schema": str, "version": ("2.1.0",), "runs": [RUN]}


def complaints(document: Any) -> Iterator[str]:
    """Where a document is no SARIF log of these parts."""
    yield from differences(document, LOG, "")
    for run in document.get("runs", []):
        rules = run["tool"]["driver"]["rules"]
        yield from (f"{r['ruleId']} has a wrong index" for r in run["results"] if wrong_index(r, rules))
        places = (p for r in run["results"] for p in (*r["locations"], *r.get("relatedLocations", [])))
        yield from (f"{p}: a region that ends before it starts" for p in places if backwards(p))


def differences(value: Any, shape: Any, path: str) -> Iterator[str]:
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{path} is no object"
            return
        allowed = {key.rstrip("?") for key in shape}
        yield from (f"{path}/{key} is not known" for key in value.keys() - allowed)
        for key, inner in shape.items():
            if key.rstrip("?") in value:
                yield from differences(value[key.rstrip("?")], inner, f"{path}/{key.rstrip('?')}")
            elif not key.endswith("?"):
                yield f"{path}/{key} is missing"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{path} is no array"
            return
        for index, item in enumerate(value):
            yield from differences(item, shape[0], f"{path}/{index}")
    elif isinstance(shape, tuple):
        if value not in shape:
            yield f"{path} is {value!r}, none of {shape}"
    elif type(value) is not shape or (shape is int and value < 0) or value == "":
        yield f"{path} is {value!r}, no {shape.__name__}"


def wrong_index(result: Any, rules: Any) -> bool:
    index = result["ruleIndex"]
    return not 0 <= index < len(rules) or rules[index]["id"] != result["ruleId"]


def backwards(place: Any) -> bool:
    region = place["physicalLocation"]["region"]
    start, end = ((region[f"{at}Line"], region[f"{at}Column"]) for at in ("start", "end"))
    return min(*start, *end) < 1 or start >= end

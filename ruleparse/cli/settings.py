"""Settings of lint and check: `ruleparse.toml`, or the table `[tool.ruleparse]` of `pyproject.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ruleparse.cli.common import USAGE, fail
from ruleparse.text import Severity


class Settings(BaseModel):
    """`[lint]` in ruleparse.toml, `[tool.ruleparse.lint]` in pyproject.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    select: list[str] = Field(default_factory=list)
    ignore: list[str] = Field(default_factory=list)
    severity: dict[str, Severity] = Field(default_factory=dict)
    level: Severity = "warning"
    baseline: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    lint: Settings = Field(default_factory=Settings)


def settings(given: str | None) -> Settings:
    """From the file given, else from the nearest of this folder and those above; ends with status 2 for a wrong one."""
    path = Path(given) if given else _nearest(Path.cwd())
    if path is None:
        return Settings()
    try:
        return _File.model_validate(_table(path) or {}).lint
    except OSError as error:
        fail(f"{path}: {error.strerror}", USAGE)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail(f"{path}: {error}", USAGE)
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}", USAGE)


def _nearest(folder: Path) -> Path | None:
    for place in (folder, *folder.parents):
        if (own := place / "ruleparse.toml").is_file():
            return own
        shared = place / "pyproject.toml"
        try:
            if shared.is_file() and _table(shared) is not None:
                return shared
        except (OSError, ValueError):
            continue
    return None


def _table(path: Path) -> Any:
    with path.open("rb") as file:
        document = tomllib.load(file)
    if path.name != "pyproject.toml":
        return document
    tools = document.get("tool")
    return tools.get("ruleparse") if isinstance(tools, dict) else None

"""What people expect of packets, as they write it in YAML. pydantic checks it and makes its schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ruleparse.spec import KEYS

PACKET_KEYS = KEYS - {"id", "flow", "ct_next"}


class Expected(BaseModel):
    """A fate: `accept`, `drop`, `reject`; `to`: accepted, and it leaves for one of these; `never`: not that fate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Literal["accept", "drop", "reject"] | None = None
    to: tuple[str, ...] | None = None
    out: str | None = Field(None, description="the interface it leaves by; local: it is delivered to this node")
    never: Expected | None = None

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, given: Any) -> Any:
        return {"verdict": given} if isinstance(given, str) else given

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _says_something(self) -> Expected:
        if not (self.verdict or self.to or self.out or self.never):
            raise ValueError("say accept, drop, reject, to, out or never")
        if self.never is not None and (self.verdict or self.to or self.out):
            raise ValueError("never stands alone")
        return self

    def __str__(self) -> str:
        if self.never is not None:
            return f"never {self.never}"
        parts: list[str] = [self.verdict or "accept"]
        parts += [f"to {' or '.join(self.to)}"] if self.to else []
        parts += [f"out by {self.out}"] if self.out else []
        return " ".join(parts)


class Expectation(BaseModel):
    """One expectation: all packets that `packet` describes have the fate that `expect` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    packet: dict[str, str]
    expect: Expected
    assuming: bool = Field(False, description="whether it is enough that the fate depends on what no dump tells")

    @field_validator("packet")
    @classmethod
    def _options(cls, given: dict[str, str]) -> dict[str, str]:
        plain = {key.replace("-", "_"): value for key, value in given.items()}
        unknown = sorted(plain.keys() - PACKET_KEYS)
        if unknown:
            raise ValueError(f"{unknown[0]} is no option that describes a packet; `ruleparse why --help` lists them")
        if plain.get("local", "true") not in ("true", "false"):
            raise ValueError("local is true or false")
        return {key: value for key, value in plain.items() if (key, value) != ("local", "false")}


class Expectations(BaseModel):
    """A file of expectations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expectations: tuple[Expectation, ...]

"""What people expect of packets, as they write it in YAML. pydantic checks it and makes its schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ruleparse.spec import KEYS

PACKET_KEYS = KEYS - {"id"} | {"bridge"}
BRIDGE_KEYS = frozenset({"bridge", "flow", "ct_next"})


class Expected(BaseModel):
    """A fate: `accept`, `drop`, `reject`, and in a bridge `controller`; `to`: accepted, and it leaves for one of these;
    `never`: not that fate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Literal["accept", "drop", "reject", "controller"] | None = None
    to: tuple[str, ...] | None = Field(
        None, description="addresses, with or without a port; pods; services, which means any of their endpoints"
    )
    out: str | None = Field(None, description="the interface or port it leaves by; local: it is delivered to this node")
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
            raise ValueError("say accept, drop, reject, controller, to, out or never")
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


Several = tuple[str, ...]


class Expectation(BaseModel):
    """All packets `from` something `to` something, as `packet` describes them, have the fate that `expect` says.

    Ends are `pod default/web`, `pods default/app=web`, `service default/nginx:http`, `node`, or addresses as `--src`
    and `--dst` take them; of several, and of a pod with several addresses, packets between each two are meant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    from_: Several = Field((), alias="from", description="one or several: where packets come from")
    to: Several = Field((), description="one or several: where packets go to; a port may stand behind a name")
    packet: dict[str, str] = Field(default_factory=dict, description="options of `ruleparse why`")
    expect: Expected
    assuming: bool = Field(False, description="whether it is enough that the fate depends on what no dump tells")

    @field_validator("from_", "to", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

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

    @model_validator(mode="after")
    def _speaks_of_packets(self) -> Expectation:
        if not (self.from_ or self.to or self.packet):
            raise ValueError("say which packets: from, to or packet")
        if self.of_a_bridge and (self.from_ or self.to):
            raise ValueError("a packet in a bridge is described by its flow alone")
        if self.of_a_bridge and (other := sorted(self.packet.keys() - BRIDGE_KEYS)):
            raise ValueError(f"{other[0]} is no option of a packet in a bridge; there are bridge, flow and ct_next")
        return self

    @property
    def of_a_bridge(self) -> bool:
        return bool(self.packet.keys() & {"bridge", "flow"})

    @property
    def title(self) -> str:
        """Its name, or what it says of whom."""
        if self.name:
            return self.name
        ends = [f"{word} {', '.join(end)}" for word, end in (("from", self.from_), ("to", self.to)) if end]
        options = " ".join(f"{key.replace('_', '-')} {value}" for key, value in self.packet.items())
        return " ".join(filter(None, [*ends, options]))


class Expectations(BaseModel):
    """A file of expectations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expectations: tuple[Expectation, ...]

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from ruleparse.bits import Bool
from ruleparse.codec import Codec, integer
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Test, World

_DAY = 86400
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DOOMSDAY = datetime(2038, 1, 19, 3, 14, 7)
"""What iptables-save adds where no --datestop was given."""


def _parse_time(text: str) -> int:
    parts = [integer(part.lstrip("0") or "0", 0, 59) for part in text.split(":")]
    if len(parts) not in (2, 3) or parts[0] > 23:
        raise ValueError(f"{text} is not a time of day (hh:mm[:ss])")
    hour, minute, second = (*parts, 0)[:3]
    return hour * 3600 + minute * 60 + second


def _show_time(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _parse_days(text: str) -> tuple[int, ...]:
    return tuple(sorted({integer(word, 1, 31) for word in text.split(",")}))


def _parse_weekdays(text: str) -> tuple[int, ...]:
    names = {name.lower(): number for number, name in enumerate(_WEEKDAYS, 1)}
    words = text.split(",")
    return tuple(sorted({names[w.lower()[:3]] if w.lower()[:3] in names else integer(w, 1, 7) for w in words}))


def _parse_date(text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is not a date (YYYY-MM-DDThh:mm:ss)") from None
    return date.replace(tzinfo=None)


_TIME = Codec("hh:mm[:ss]", _parse_time, _show_time)
_DATE = Codec("YYYY[-MM[-DD[Thh[:mm[:ss]]]]]", _parse_date, lambda date: date.isoformat())
_WEEKS = Codec("Mon,Tue,…", _parse_weekdays, lambda days: ",".join(_WEEKDAYS[day - 1] for day in days))
_MONTHS = Codec("1..31,…", _parse_days, lambda days: ",".join(map(str, days)))


_FURTHEST_WEST, _FURTHEST_EAST = -15 * 60, 15 * 60
"""Minutes by which a kernel's time zone may differ from UTC (do_sys_settimeofday64)."""

Fits = Callable[[int], bool]
"""Whether a moment, in seconds since 1970 in the zone of the rule, is one of those meant."""


def _part(question: Assumption, fits: Fits, *, zone_known: bool) -> Test:
    """What holds at a known time, if need be in every time zone; else a question."""

    def means(_: object, packet: Packet, world: World) -> Bool:
        now = packet.values.get("time")
        if not isinstance(now, int):
            return world.ask(question)
        zones = (0,) if zone_known else range(_FURTHEST_WEST, _FURTHEST_EAST + 1)
        answers = {fits(now + 60 * minutes) for minutes in zones}
        return answers.pop() if len(answers) == 1 else world.ask(question, about=now)

    return Test(Key(("time",), Codec("question", str), means), question)


def _tests(givens: Givens, context: Context) -> Tests:
    """A test for each part of it that may not hold."""
    zone_known = not givens.has("--kerneltz")
    zone = "UTC" if zone_known else "the kernel's time zone"

    def part(words: str, fits: Fits, negated: bool = False) -> Test:
        question = context.asks(words, "date -u" if zone_known else "date -u; timedatectl")
        return replace(_part(question, fits, zone_known=zone_known), negated=negated)

    start, stop = givens.get("--timestart", 0), givens.get("--timestop", _DAY - 1)
    after_midnight = stop if start > stop and givens.has("--contiguous") else -1
    if start != stop and (start, stop) != (0, _DAY - 1):
        over = " (days count from when it starts)" if givens.has("--contiguous") else ""
        words = f"the time of day is {_show_time(start)} to {_show_time(stop)} {zone}{over}"
        yield part(words, lambda now: (now - start) % _DAY <= (stop - start) % _DAY)
    if givens.has("--weekdays"):
        weekdays = givens.get("--weekdays")
        words = f"the day of the week is {_WEEKS.show(weekdays)} {zone}"
        yield part(words, lambda now: _day(now, after_midnight).isoweekday() in weekdays, givens.negated("--weekdays"))
    if givens.has("--monthdays"):
        days = givens.get("--monthdays")
        words = f"the day of the month is one of {_MONTHS.show(days)} {zone}"
        yield part(words, lambda now: _day(now, after_midnight).day in days, givens.negated("--monthdays"))
    if givens.has("--datestart"):
        first = givens.get("--datestart")
        yield part(f"it is {_DATE.show(first)} {zone} or later", lambda now: _seconds(first) <= now)
    if (last := givens.get("--datestop", _DOOMSDAY)) != _DOOMSDAY:
        yield part(f"it is {_DATE.show(last)} {zone} or earlier", lambda now: now <= _seconds(last))


def _day(now: int, after_midnight: int) -> datetime:
    """The day that counts: up to `after_midnight` seconds into a day it is the one before."""
    return _EPOCH + timedelta(seconds=now - (_DAY if now % _DAY <= after_midnight else 0))


_EPOCH = datetime(1970, 1, 1)


def _seconds(date: datetime) -> int:
    return int((date - _EPOCH).total_seconds())


MATCH = Match(
    "time",
    """The time the packet arrives: exact where it is said with --at, or by a capture; else an assumption, unless it is
    all the time. The time zone of a kernel is in no dump, so with --kerneltz it stays one where that matters
    (iptables-extensions(8); net/netfilter/xt_time.c).""",
    (
        Option(("--timestart",), _TIME),
        Option(("--timestop",), _TIME),
        Option(("--monthdays",), _MONTHS),
        Option(("--weekdays",), _WEEKS),
        Option(("--datestart",), _DATE),
        Option(("--datestop",), _DATE),
        Option(("--kerneltz",)),
        Option(("--contiguous",)),
        Option(("--localtz",)),
        Option(("--utc",)),
    ),
    tests=_tests,
)

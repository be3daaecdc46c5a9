from __future__ import annotations

from datetime import datetime

from ruleparse.codec import Codec, integer
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests, ask

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


def _tests(givens: Givens, context: Context) -> Tests:
    """A question for each part of it that may not hold."""
    zone = "the kernel's time zone" if givens.has("--kerneltz") else "UTC"
    start, stop = givens.get("--timestart", 0), givens.get("--timestop", _DAY - 1)
    if (start, stop) != (0, _DAY - 1):
        over = " (days count from when it starts)" if givens.has("--contiguous") else ""
        yield ask(context.asks(f"the time of day is {_show_time(start)} to {_show_time(stop)} {zone}{over}", "date -u"))
    if givens.has("--weekdays"):
        days = f"the day of the week is {_WEEKS.show(givens.get('--weekdays'))} {zone}"
        yield ask(context.asks(days, "date -u"), givens.negated("--weekdays"))
    if givens.has("--monthdays"):
        days = f"the day of the month is one of {_MONTHS.show(givens.get('--monthdays'))} {zone}"
        yield ask(context.asks(days, "date -u"), givens.negated("--monthdays"))
    if givens.has("--datestart"):
        yield ask(context.asks(f"it is {_DATE.show(givens.get('--datestart'))} {zone} or later", "date -u"))
    if (last := givens.get("--datestop", _DOOMSDAY)) != _DOOMSDAY:
        yield ask(context.asks(f"it is {_DATE.show(last)} {zone} or earlier", "date -u"))


MATCH = Match(
    "time",
    """The time the packet arrives; an assumption, unless it is all the time
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
    state="unknown",
    tests=_tests,
)

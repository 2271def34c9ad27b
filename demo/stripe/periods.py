"""Billing periods by the calendar: each is counted from the first day, so that the 31st comes back
after February.
"""

import calendar
from datetime import UTC, datetime, timedelta

INTERVALS = ("day", "week", "month", "year")


def period_start(anchor: int, interval: str, count: int, number: int) -> int:
    """When period `number` (0 is the first) of a subscription begins, in Unix seconds."""
    begun = datetime.fromtimestamp(anchor, UTC)
    steps = count * number
    if interval in {"day", "week"}:
        moved = begun + timedelta(days=steps * (7 if interval == "week" else 1))
    else:
        moved = _months_later(begun, steps * (12 if interval == "year" else 1))
    return int(moved.timestamp())


def next_period(anchor: int, interval: str, count: int, current_end: int) -> tuple[int, int]:
    """The period that begins when the current one ends, as (start, end)."""
    number = 0
    while (end := period_start(anchor, interval, count, number)) <= current_end:
        number += 1
    return current_end, end


def _months_later(begun: datetime, months: int) -> datetime:
    """The same day, or the last one of a shorter month."""
    year, month = divmod(begun.year * 12 + begun.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return begun.replace(year=year, month=month + 1, day=min(begun.day, last))

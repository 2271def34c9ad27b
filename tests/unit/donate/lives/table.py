"""What the books said, as text: lives by the ways of telling, and the points of death."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from donate.currencies import exponent
from tests.unit.donate.lives.playing import Playbill, Played


def write_table(playbill: Playbill) -> str:
    """The whole of it."""
    return "\n".join([*_lives(playbill), "", *_ways(playbill), "", *_deaths(playbill), ""])


def _lives(playbill: Playbill) -> Iterator[str]:
    yield "LIVES. Told in order, the books say (balance: Stripe's own, and ours, to the cent):"
    yield ""
    for name, played in playbill.references.items():
        yield f"{name}"
        yield f"    gifts    {_gifts(played)}"
        yield f"    balance  {_balance(played)}"
        yield f"    mails    {_counted(played.books['mails']) or 'none'}"
        told = sum(map(len, playbill.same[name].values()))
        fewer = {mail for mails in playbill.same[name].values() for mail in mails if mail}
        less = f"; told late, without {' or '.join(sorted(fewer))}" if fewer else ""
        yield f"    told     {len(played.types)} events; the same books {told} times{less}"


def _gifts(played: Played) -> str:
    states = Counter(f"{row[0]}" for row in played.books["donations"])
    lines = Counter(f"{row[0]}" for row in played.books["ledger"])
    parts = [_counted(states), _counted(lines) and f"lines: {_counted(lines)}"]
    parts += [f"refund {row[3]}" for row in played.books["refunds"]]
    parts += [f"dispute {row[3]}" for row in played.books["disputes"]]
    parts += [f"recurring {row[0]} {row[5]}".strip() for row in played.books["recurring"]]
    return "; ".join(filter(None, parts)) or "none"


def _balance(played: Played) -> str:
    return (
        ", ".join(
            f"{Decimal(minor).scaleb(-exponent(currency))} {currency}"
            for currency, minor in sorted(played.balance.items())
        )
        or "0"
    )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))


def _ways(playbill: Playbill) -> Iterator[str]:
    yield "LIVES x WAYS OF TELLING. A number: so many plays, all with the same books."
    yield ""
    columns = list(dict.fromkeys(one for row in playbill.same.values() for one in row))
    for number, column in enumerate(columns, 1):
        yield f"  ({number}) {column}"
    width = max(map(len, playbill.same), default=0)
    yield f"{'':<{width}} " + "".join(
        f"{f'({number})':>5}" for number in range(1, len(columns) + 1)
    )
    for name, row in playbill.same.items():
        yield f"{name:<{width}} " + "".join(f"{len(row.get(one, ())):>5}" for one in columns)


def _deaths(playbill: Playbill) -> Iterator[str]:
    yield "KILLED before and after each commit and each call to Stripe, and done again: points of"
    yield "death, after each of which the books were the same, nothing lost, doubled or paid twice"
    yield ""
    for name, points in playbill.deaths.items():
        yield f"{points:>5}  {name}"

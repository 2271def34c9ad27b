"""What the drill found, thief by thief, in plain words; and whether it should have been found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from safety.drill.guessing import BITS, Stretcher
from safety.drill.loot import Loot
from safety.drill.thieves import BACKUP, OPEN_BACKUP, RUNNING, Haul

LEAKED = 100_000_000  # addresses in the lists that go round
FASTER = 1_000_000  # times a large attacker is faster than one core here


@dataclass(frozen=True)
class Line:
    """One sentence; `is_bad` where this thief should not have got that."""

    words: str
    is_bad: bool = False


def report_on(haul: Haul) -> Iterator[Line]:
    """Everything about one thief."""
    yield from _boxes(haul)
    if haul.thief == BACKUP:
        yield from _clear_texts(haul)
        return
    yield from _index(haul)
    yield from _mails(haul)
    yield from _sessions(haul)
    yield from _passphrases(haul)
    yield from _clear_texts(haul)


def _boxes(haul: Haul) -> Iterator[Line]:
    tried = f"{haul.tried} possible keys were found and tried"
    if haul.thief == BACKUP:
        yield Line(f"It is encrypted with age to a key that is not in it; {tried}.")
        return
    found = haul.boxes
    if not found.opened:
        yield Line(f"None of {found.boxes} sealed boxes opened; {tried}.")
    elif haul.loot.cookies and haul.sessions[1]:
        yield Line(
            f"{found.opened} of {found.boxes} sealed boxes opened, with the cookie of somebody who "
            "is signed in: whoever has both has everything. No design prevents that."
        )
    else:
        yield Line(f"{found.opened} OF {found.boxes} SEALED BOXES OPENED.", is_bad=True)
    if haul.opens_backups:
        yield Line(
            "THE KEY OF THE BACKUPS LIES ON THIS MACHINE: it belongs on paper or elsewhere.",
            is_bad=True,
        )


def _index(haul: Haul) -> Iterator[Line]:
    is_expected = haul.thief == RUNNING
    n, guessed = haul.guessed.in_index, haul.guessed
    if guessed.found:
        few = ", ".join(guessed.found[:3])
        yield Line(
            f"{len(guessed.found)} guessed addresses stand in the index ({few}), by the key from "
            f"{guessed.where}: each is known to be a supporter.",
            is_bad=not is_expected,
        )
    if haul.has_index_key:
        hours = LEAKED / max(guessed.per_second, 1) / 3600
        yield Line(
            f"The index key is there: any guessed address can be tested, {guessed.per_second:,.0f} "
            f"a second on one core, {LEAKED:,} leaked ones in {hours:.1f} hours.",
            is_bad=not is_expected,
        )
    elif not guessed.found:
        yield Line(f"No guessed address was found among {n} in the index: its key is not there.")


def _mails(haul: Haul) -> Iterator[Line]:
    waiting, read, where = haul.mails
    if read:
        yield Line(
            f"{read} of {waiting} mails that wait were read (to whom, and their links), by the key "
            f"from {where}.",
            is_bad=haul.thief != RUNNING,
        )
    elif haul.thief != OPEN_BACKUP:
        yield Line(f"None of {waiting} mails that wait could be read.")


def _sessions(haul: Haul) -> Iterator[Line]:
    rows, opened = haul.sessions
    if opened and not haul.loot.cookies:
        yield Line(f"{opened} OF {rows} SESSIONS OPENED WITHOUT A COOKIE.", is_bad=True)
    elif rows and not opened:
        without = "with the cookies given" if haul.loot.cookies else "without their cookies"
        yield Line(f"None of {rows} staff sessions opened {without}.")


def _passphrases(haul: Haul) -> Iterator[Line]:
    if haul.passphrases:
        yield Line(
            f"{len(haul.passphrases)} PASSPHRASES OF STAFF WERE GUESSED, from the list.",
            is_bad=True,
        )
    elif any("pepper" in str(path) for path in haul.loot.files):
        yield Line("The pepper is there, so that passphrases can be guessed; none was.")
    else:
        yield Line("Passphrases cannot even be guessed: the pepper is not there.")


def _clear_texts(haul: Haul) -> Iterator[Line]:
    for place, found in haul.in_clear.items():
        yield Line(f"IN CLEAR in {place}: {', '.join(found)}", is_bad=True)
    if not haul.in_clear:
        n = len(haul.loot.files)
        files = f"{n} files" if n else "its rows"
        yield Line(f"No address, phone number or guess stands in clear in {files}.")


def readable_by_design(loot: Loot) -> Iterator[str]:
    """What the database says without any key; counted, so that nobody is surprised."""
    days = Counter(str(row["day"]) for row in loot.each_row("signature"))
    yield f"- contacts {_count(loot, 'contact')}, signatures {sum(days.values())} by petition and"
    yield f"  day ({len(days)} days), offers to help {_count(loot, 'volunteer_signup')}, each with"
    yield "  its language and state; totals by country"
    stripe = sum(
        bool(row["stripe_payment_intent_id"] or row["stripe_session_id"])
        for row in loot.each_row("donation")
    )
    yield f"- gifts {_count(loot, 'donation')} with sum, purpose and day; {stripe} of them with"
    yield "  Stripe's number: Stripe knows who gave, and answers to its authorities"
    names = ", ".join(str(row["name"]) for row in loot.each_row("staff_member"))
    yield f"- names of staff: {names or 'none'}; the audit log, by ids"


def speed(by: Stretcher) -> str:
    """How fast passphrases can be guessed, and what that means."""
    if not by.done:
        return "There was no passphrase to guess."
    return (
        f"Passphrases, where the pepper is known too: {by.per_second:.1f} guesses a second on one "
        f"core, {by.years():.1e} years for half of 2^{BITS} (six words); on {FASTER:,} such cores "
        f"{by.years(FASTER):.1e} years."
    )


def _count(loot: Loot, table: str) -> int:
    return sum(1 for _row in loot.each_row(table))


def promise(volatile: bool | None) -> str:
    """Which of the two promises holds here."""
    if volatile:
        return (
            "VOLATILE_KEYS goes with the power: a machine that is off has no index key and no mail "
            "key. After a reboot the next sign-in of a key holder brings the index back."
        )
    if volatile is None:
        return (
            "It cannot be told whether VOLATILE_KEYS goes with the power (a Redis that does not "
            "let us ask, or does not answer)."
        )
    return (
        "VOLATILE_KEYS lies on an ordinary disk: a stolen disk can test guessed addresses and read "
        "the mails that wait. Put it on a tmpfs, such as /run/vigil/volatile, or a Redis without "
        "persistence: the powered-off disk then gets neither."
    )

"""What stands in clear in files and rows: addresses, phone numbers, and the guesses themselves."""

from __future__ import annotations

import base64
import binascii
import mmap
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from config.settings import Settings
from safety.drill.loot import Loot

LOCAL, DOMAIN, LETTER = "[A-Za-z0-9._%+-]", "[A-Za-z0-9-]", "[A-Za-z]"
RUN = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
SHOWN = 3  # of what was found in one place
SHORTEST = 6  # bytes of a disguised guess: less is found by chance
PUBLIC = ("campaign_text", "petition_text", "consent_text")  # what we publish ourselves


def _wide(text: str, gap: str) -> str:
    """A pattern for letters of one byte, or of two in UTF-16."""
    return text.replace("@", "@" + gap).replace(r"\.", r"\." + gap)


def _not_moment(gap: str) -> str:
    """SQLite's text for a day or time, behind a box whose last byte happens to be a plus."""
    day = gap.join(("2", "0", "[0-9]", "[0-9]", "-", "[0-9]", "[0-9]", "-", "[0-9]", "[0-9]"))
    return f"(?!{day})"


def _patterns() -> list[re.Pattern[bytes]]:
    found = []
    for gap in ("", r"\x00"):
        local, domain, letter = (f"(?:{one}{gap})" for one in (LOCAL, DOMAIN, LETTER))
        address = _wide(rf"{local}{{3,64}}@{domain}{{2,63}}(?:\.{domain}{{2,63}}){{0,3}}\.", gap)
        found.append(re.compile(f"{address}{letter}{{2,12}}".encode()))
        sign = f"(?:[0-9 ()-]{gap})"
        number = rf"\+{gap}{_not_moment(gap)}[1-9]{gap}{sign}{{8,18}}[0-9]"
        found.append(re.compile(number.encode()))
    return found


PATTERNS = _patterns()


def known_addresses(loot: Loot, chosen: Settings) -> frozenset[str]:
    """Addresses that are no secret: in our settings and in what we publish; names of staff."""
    texts = [str(value) for value in chosen.model_dump().values()]
    texts += [str(row) for table in PUBLIC for row in loot.each_row(table)]
    texts += [str(row["name"]) for row in loot.each_row("staff_member")]
    return frozenset(_texts_in(" ".join(texts).encode()))


def search_file(path: Path, known: frozenset[str], guesses: Iterable[str]) -> list[str]:
    """What stands in a file in clear; it is mapped, not read whole."""
    try:
        with path.open("rb") as stream:
            if not path.stat().st_size:
                return []
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _search(content, known, guesses)
    except (OSError, ValueError):
        return []


def search_rows(loot: Loot, tables: Iterable[str], known: frozenset[str]) -> dict[str, list[str]]:
    """What stands in the rows of a database in clear, by table."""
    found: dict[str, list[str]] = {}
    for table in tables:
        for row in loot.each_row(table):
            for text in _search(_flat(row), known, ()):
                if len(found.setdefault(table, [])) < SHOWN:
                    found[table].append(text)
    return found


def disguises(guess: str) -> Iterator[bytes]:
    """A guess as text, as wide text, in hexadecimal, and inside base64 at each offset."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        plain = guess.encode(encoding, "surrogatepass")
        yield plain
        yield plain.hex().encode()
        for offset in range(3):
            coded = base64.b64encode(b"\0" * offset + plain).rstrip(b"=")
            yield coded[(offset * 8 + 5) // 6 : -1]


def _search(content: Any, known: frozenset[str], guesses: Iterable[str]) -> list[str]:
    found = dict.fromkeys(text for text in _texts_in(content) if text not in known)
    for guess in guesses:
        forms = [form for form in disguises(guess) if len(form) >= SHORTEST]
        if guess not in known and any(content.find(form) >= 0 for form in forms):
            found[guess] = None
    return list(found)[:SHOWN]


def _texts_in(content: Any) -> Iterator[str]:
    """Addresses and numbers as they stand, in two bytes a letter, and inside base64."""
    yield from _plain_texts_in(content)
    for run in RUN.finditer(content):
        text = run.group().rstrip(b"=")
        try:
            inside = base64.b64decode(text[: len(text) // 4 * 4])
        except (binascii.Error, ValueError):
            continue
        yield from _plain_texts_in(inside)


def _plain_texts_in(content: Any) -> Iterator[str]:
    for pattern in PATTERNS:
        for match in pattern.finditer(content):
            yield match.group().replace(b"\0", b"").decode("ascii")


def _flat(row: dict[str, Any]) -> bytes:
    parts = [
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for value in row.values()
        if value is not None
    ]
    return b"\n".join(parts)

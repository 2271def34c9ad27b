"""Which entries are a person's own by what their boxes say, before a copy of them leaves.

Whoever writes to the database can hang others' deeds, notes and corrections on a contact of their
own, or give another's contact an address of their own, for anybody can seal; and ask for a copy.
What they cannot change is the address that lies in each box that they did not make.
"""

from __future__ import annotations

from collections.abc import Iterable

from vault.index import normalise


class OwnAddresses:
    """The address that somebody has, and those that they had before."""

    def __init__(self, email: str | None, earlier: Iterable[str]) -> None:
        self._known = {normalise(address) for address in (email or "", *earlier) if address}

    def have(self, email: object) -> bool:
        """Whether an entry with this address in its box is theirs; one without any is not."""
        return isinstance(email, str) and bool(email) and normalise(email) in self._known

    def may_have(self, email: str) -> bool:
        """Whether nothing says that an entry is somebody else's: for pages that show them all."""
        return not (email and self._known) or self.have(email)

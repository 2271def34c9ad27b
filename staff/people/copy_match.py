"""Which entries are a person's own by what their boxes say, before a copy of them leaves.

Whoever writes to the database can hang others' deeds on a contact of their own and ask for a copy.
What they cannot change is the address that lies in each deed's box.
"""

from __future__ import annotations

from staff.people.persons import Person
from vault.index import normalise


class OwnAddresses:
    """The address that somebody has, and those that they had before."""

    def __init__(self, person: Person) -> None:
        given = (person.email or "", *person.earlier)
        self._known = {normalise(address) for address in given if address}

    def have(self, email: object) -> bool:
        """Whether an entry with this address in its box is theirs; one without any is not."""
        return isinstance(email, str) and bool(email) and normalise(email) in self._known

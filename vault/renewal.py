"""A new recovery code in the place of one that is lost, or that somebody may have seen.

What was sealed so far opens with a copy of the database from before and the old code. So the new
code comes with a new key for the vault, and never alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete

from config.database import db
from vault.codes import write_code
from vault.holders import Enrolled, add_to_database, new_holder
from vault.models import Holder
from vault.opener import Opener


@dataclass(frozen=True)
class NewCode:
    """A recovery code that opens nothing yet: it is in no database."""

    code: str = field(repr=False)
    enrolled: Enrolled = field(repr=False)


def draw_code(opener: Opener, now: datetime) -> NewCode:
    """Draw a code, to be read from paper before it is put in place."""
    enrolled = new_holder(opener, "recovery", now, None, pepper=b"")  # no passphrase to wrap it
    return NewCode(write_code(enrolled.key), enrolled)


def put_in_place(drawn: NewCode) -> Holder:
    """Let the code open every open vault, and no code from before any. Flushes.

    Raises VaultChanged where the vault was rotated since the code was drawn.
    """
    db.session.execute(delete(Holder).where(Holder.kind == "recovery"))
    return add_to_database(drawn.enrolled)

"""A dedication's two copies: sealed for staff, and a note that only the receipt reads, once.

The note is under the mail key, which goes with the power: a receipt then comes without it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from donate.dedications import dedication_line
from donate.models import Donation, RecurringDonation
from vault.services import vault

BLOCK = 256  # bytes; padded, so that the length tells nothing


def add_dedication(gift: Donation | RecurringDonation, given: Mapping[str, str]) -> None:
    """Keep both copies of `given` (kind, name). The gift has its id. Raises VaultMissing."""
    table = f"{gift.__tablename__}.dedication"
    gift.dedication = vault().seal(table, gift.id, given)
    text = json.dumps(dict(given)).encode()
    padded = text.ljust(-(-len(text) // BLOCK) * BLOCK)
    gift.dedication_note = bytes(Aead(vault().mail_key()).encrypt(padded, gift.id.bytes))


def take_note(gift: Donation | RecurringDonation) -> str:
    """The dedication as a sentence in the donor's language, once: the note is gone then.

    Empty where there is none or the mail key has gone.
    """
    note, gift.dedication_note = gift.dedication_note, None
    given = _open(gift.id, note) if note else {}
    return dedication_line(given["kind"], given["name"], gift.language) if given else ""


def _open(gift_id: uuid.UUID, note: bytes) -> dict[str, str]:
    try:
        given: dict[str, str] = json.loads(Aead(vault().mail_key()).decrypt(note, gift_id.bytes))
    except (CryptoError, ValueError):
        return {}
    return given

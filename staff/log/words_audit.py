"""What the audit log is asked for, and what is found when it is checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from staff.log.audit_check import Fault, NoChain, NotVouchedFor, Verdict
from staff.log.audit_rows import NONSENSE
from staff.words import details

# What the page can be narrowed to, with the actions that belong to it; the rest are changes.
LOOKS = ("contact.seen", "contacts.listed")
EXPORTS = ("contacts.exported", "donations.exported")
VIEWS: dict[str, tuple[str, ...]] = {"seen": LOOKS, "exports": EXPORTS}
VIEW_NAMES: dict[str, Any] = {
    "": lazy_gettext("Everything"),
    "seen": lazy_gettext("Who saw whom"),
    "exports": lazy_gettext("Exports"),
}


def verdict_in_words(found: Verdict | Exception) -> str:
    """A sentence on what a check has found, or on why there was none."""
    if isinstance(found, Verdict):
        return _fault_in_words(found) if found.fault else _holds(found)
    if isinstance(found, NoChain):
        return str(_("There is no chain yet: nothing was written since there can be one."))
    if isinstance(found, NotVouchedFor):
        return str(
            _("The first key of the chain was not sealed by this installation’s own hand. "
              "After an upgrade from a version without a chain this is so; otherwise somebody "
              "has written the whole log anew.")
        )  # fmt: skip
    return str(_("The first key of the chain does not open with this key."))


def unreadable_in_words(events: Sequence[Any]) -> dict[int, str]:
    """A sentence for each event that cannot be put into words, by its number."""
    return {
        event.seq: str(_FAULTS[Fault.CHANGED] % {"seq": event.seq})
        for event in events
        if not _can_be_shown(event)
    }


def _can_be_shown(event: Any) -> bool:
    try:
        json.dumps(event.details, ensure_ascii=False).encode()  # half a sign cannot be sent
        details(event.details)
        return isinstance(event.details.get("contacts", []), list)
    except NONSENSE:
        return False


def _holds(verdict: Verdict) -> str:
    if verdict.has_key:
        return str(
            _("The log holds: every event up to number %(seq)s is what was written then.",
              seq=verdict.head.seq)
        )  # fmt: skip
    return str(
        _("The links of the log hold up to number %(seq)s. Only a key tells whether all of it "
          "was written anew.", seq=verdict.head.seq)
    )  # fmt: skip


def _fault_in_words(verdict: Verdict) -> str:
    return str(_FAULTS[verdict.fault or Fault.CHANGED] % {"seq": verdict.seq})


_FAULTS: dict[Fault, Any] = {
    Fault.CHANGED: lazy_gettext("Number %(seq)s was changed: it is not what was written."),
    Fault.REMOVED: lazy_gettext("Number %(seq)s was removed."),
    Fault.INSERTED: lazy_gettext("Number %(seq)s was put in: nobody here has written it."),
    Fault.CUT: lazy_gettext("The log was cut: number %(seq)s and whatever followed it are gone."),
    Fault.HEAD: lazy_gettext(
        "Number %(seq)s is not what was mailed: it, or something before it, was written anew."
    ),
    Fault.START: lazy_gettext(
        "The log does not begin where it began: something up to number %(seq)s is not what it was."
    ),
}

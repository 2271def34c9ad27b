"""What roles and states of staff are called, and what is wrong with a passphrase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _

from vault.services import ChosenFault, check_chosen

ROLES: dict[str, Any] = {
    "viewer": _("Viewer: totals only"),
    "editor": _("Editor: totals, goals and pages"),
    "contacts": _("Contacts: people, gifts and exports"),
    "admin": _("Administrator: everything, and the team"),
}

MEMBER_STATES: dict[str, Any] = {
    "invited": _("invited"),
    "active": _("active"),
    "removed": _("removed"),
}

# What is wrong with a passphrase of somebody's own choice.
FAULTS: dict[ChosenFault, Any] = {
    ChosenFault.SHORT: _("Take fifteen characters or more."),
    ChosenFault.LONG: _("Take 256 characters or fewer."),
    ChosenFault.EASY: _(
        "This would be guessed: it is on a list of known passphrases, or close to one. "
        "Take a few words that nobody would put together."
    ),
}


def what_is_wrong(passphrase: str, about: Sequence[str]) -> str | None:
    """Why a passphrase of one's own choice is not taken; None where it is.

    `about` are words that anybody would try first: one's name, the organisation's.
    """
    fault = check_chosen(passphrase, about)
    return None if fault is None else str(FAULTS[fault])


FOR_TEMPLATES: dict[str, Any] = {"member_states": MEMBER_STATES}

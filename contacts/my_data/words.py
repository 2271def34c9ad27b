"""What the pages call what somebody did, and what they say after a button was pressed."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

KINDS: dict[str, Any] = {
    "signature": _("Signature"),
    "volunteer": _("Offer to help"),
    "donation": _("Gift"),
    "recurring": _("Recurring gift"),
}
STATES: dict[str, Any] = {
    "pending": _("not confirmed"),
    "confirmed": _("confirmed"),
    "repeated": _("confirmed once more; it counts once"),
    "new": _("confirmed; nobody has called yet"),
    "contacted": _("we have been in touch"),
    "active": _("active"),
    "declined": _("declined"),
}
GIFT_STATES: dict[str, Any] = {
    "created": _("announced, not here yet"),
    "open": _("not finished"),
    "pending": _("on its way"),
    "paid": _("received"),
    "failed": _("did not go through"),
    "expired": _("not finished"),
}
RECURRING_STATES: dict[str, Any] = {
    "created": _("not finished"),
    "open": _("not finished"),
    "active": _("going on"),
    "at-risk": _("the last payment did not go through"),
    "paused": _("paused"),
    "ending": _("being ended: nothing more is charged"),
    "ended": _("ended"),
    "expired": _("not finished"),
}
_OF_KIND = {"donation": GIFT_STATES, "recurring": RECURRING_STATES}
PURPOSES: dict[str, Any] = {
    "signature": _("To sign"),
    "volunteering": _("To volunteer"),
    "newsletter": _("To get the newsletter"),
}
# What the fields of a copy are called.
LABELS: dict[str, Any] = {
    "name": _("Name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "country": _("Country"),
    "languages": _("Languages"),
    "skills": _("Skills"),
    "availability": _("Time"),
    "message": _("Message"),
    "note": _("Note"),
    "at": _("Moment (UTC)"),
}
# What the page says after something was done, by a word in its address.
DONE: dict[str, Any] = {
    "details": _("Thank you. What you wrote is sealed, and counts as the newest from now on."),
    "address": _(
        "If the present address was right, a message is on its way to the new one. Open it there "
        "and press the button; until then the old address stays, and is told that somebody asked."
    ),
    "withdrawn": _("It is withdrawn. The record is erased, and it counts no longer."),
    "ended": _(
        "Your recurring gift is being ended. Nothing more is charged. Thank you for all of it."
    ),
    "news-off": _("You get no more news."),
    "discreet-on": _("From now on, our messages do not show whom they are from."),
    "discreet-off": _("From now on, our messages say whom they are from."),
    "copy": _(
        "Your wish for a copy is noted. As soon as somebody on our staff has released it, you get "
        "a message with a link."
    ),
    "copy-waits": _("Your wish for a copy was noted before, and waits for somebody on our staff."),
}


def state_of(kind: str, state: str) -> str:
    """How something stands, in words; the name itself where nobody has called it anything."""
    return str(_OF_KIND.get(kind, STATES).get(state, state))

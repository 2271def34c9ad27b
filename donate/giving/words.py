"""What the pages and the statement call things."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

GIFT_STATES: dict[str, Any] = {
    "created": _("announced, not here yet"),
    "pending": _("on its way"),
    "paid": _("received"),
    "failed": _("did not go through"),
}
METHODS: dict[str, Any] = {
    "online": _("Online"),
    "transfer": _("Bank transfer"),
    "cash": _("Cash"),
}
RECURRING_STATES: dict[str, Any] = {
    "active": _("Going on"),
    "at-risk": _("The last payment did not go through"),
    "paused": _("Paused: nothing is charged"),
    "ending": _("Being ended: nothing more is charged"),
    "ended": _("Ended"),
}
# What a page says after something was done, by a word in its address.
DONE: dict[str, Any] = {
    "amount": _("The amount is changed. It counts from the next payment on."),
    "pause": _("Your recurring gift is paused. Nothing is charged until you let it go on."),
    "resume": _("Your recurring gift goes on. Thank you."),
    "cancel": _("Your recurring gift has ended. Nothing more is charged. Thank you for all of it."),
    "ending": _(
        "The payment service does not answer at the moment. We have noted your wish and end your "
        "recurring gift as soon as it does; you need not do anything more."
    ),
    "mend": _("There is nothing to mend: the payment has gone through or has been given up."),
}

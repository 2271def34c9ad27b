"""The two answers that a form carries while the guard asks: a proof of work, or a wait."""

from __future__ import annotations

from wtforms import HiddenField

from web.forms import PublicForm


class ProofForm(PublicForm):
    """A public form that may be asked for a proof; donate/proof.html draws it."""

    altcha = HiddenField()  # the widget's payload
    waited = HiddenField()  # the token of the slower path

"""The pages around the form: fresh, once more with what was typed, or with what to do instead."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, g

from config.database import begin_read, db
from donate.books.queries import goals_beside
from donate.forms import DonationForm
from donate.funds import Cause, find_cause
from donate.gateway import gateway
from donate.guard import services as guard
from donate.guard.services import Verdict
from donate.guard.views import show_proof
from donate.wording import wording
from web.public import drawn_page, public_page

TEMPLATE = "donate/donate.html"


def draw_form(form: DonationForm, cause: Cause | None, fund: str | None) -> Response:
    """The page as everyone gets it; beside the form the goals of the campaign or the fund."""
    goals = goals_beside(cause.slug if cause else "", fund)
    return public_page(TEMPLATE, form=form, is_open=gateway().is_on, cause=cause, goals=goals)


def draw_form_again(form: DonationForm, status: int, verdict: Verdict | None = None) -> Response:
    """The form with what was typed, and what the guard asks; what was begun is undone."""
    proof = verdict or guard.keep_asking(form, datetime.now(UTC))
    cause = None if status == 503 else _cause_again(form)
    response = drawn_page(
        TEMPLATE, status, form=form, is_open=gateway().is_on, cause=cause, goals=[], proof=proof
    )
    return show_proof(response, proof) if proof else response


def draw_risk(form: DonationForm) -> Response:
    """What to do instead of paying; nothing is begun, and a way leads back to what was typed."""
    words = wording("risk", g.language)
    return drawn_page("donate/risk.html", form=form, words=words)


def _cause_again(form: DonationForm) -> Cause | None:
    db.session.rollback()
    if not form.campaign.data:
        return None
    begin_read()
    return find_cause(form.campaign.data, g.language)

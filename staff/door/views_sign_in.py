"""Signing in and out, and the trying of passphrase and code that it shares with stepping up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from flask import g, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import db, forget_deleted_rows
from staff import audit
from staff.access import signed_in, staff
from staff.door import browsers, sessions
from staff.door import sign_in as signing
from staff.door.second_factor import may_wait, open_before_factor
from staff.door.sign_in import Account, Proof
from staff.forms import SignInForm
from staff.permissions import SIGNED_IN, needs, open_to_everybody

log = logging.getLogger("vigil.staff")


@staff.get("/sign-in")
@open_to_everybody
def sign_in() -> AnyResponse:
    """Ask for name, passphrase and code."""
    return _page(SignInForm(formdata=None), 200)


@staff.post("/sign-in")
@open_to_everybody
def signed_in_now() -> AnyResponse:
    """Open a session; whatever is wrong gets the same answer after the same time."""
    form, now = SignInForm(), datetime.now(UTC)
    if not form.validate():
        return _page(form, 422)
    name, typed = form.name.data or "", (form.passphrase.data or "", form.code.data or "")
    try:
        account, proof = try_proof(name, lambda: signing.find_account(name), typed, now)
    except signing.Refused as refusal:
        form.form_errors.append(str(refusal))
        return _page(form, refusal.status)
    sessions.end_session(sessions.token_in_request())
    token = signing.sign_in(account, name, proof, now)
    browser = browsers.remember(account.staff_id, now)
    db.session.commit()
    session.clear()
    response = redirect(_first_page(account), 303)
    sessions.set_cookie(response, token)
    browsers.set_cookie(response, browser)
    return response


@staff.post("/sign-out")
@needs(SIGNED_IN)
@open_before_factor
def sign_out() -> AnyResponse:
    """End the session: its row, what the log of the database keeps of it, and the cookie."""
    sessions.end_session(sessions.token_in_request())
    me, now = signed_in(), datetime.now(UTC)
    audit.record("staff.signed-out", now, actor=me.id, subject=("staff", me.id))
    db.session.commit()
    forget_deleted_rows()
    session.clear()
    response = redirect(url_for("staff.sign_in"), 303)
    sessions.forget_cookie(response)
    return response


def try_proof(
    name: str, find: Callable[[], Account | None], typed: tuple[str, str], now: datetime
) -> tuple[Account, Proof]:
    """Try passphrase and code, as `typed`; the code is spent then, and not yet committed.

    The try is committed before: it counts, and no lock is held meanwhile. Raises Refused.
    """
    signing.count_try(name, now)
    account = find()
    db.session.commit()
    proof = signing.open_account(account, *typed, now)
    if account is None or proof is None or not signing.use_proof(account, proof):
        log.warning("staff: a try to sign in or to step up was refused")
        db.session.rollback()
        raise signing.Refused(
            _("Name, passphrase and code do not belong together. A code works only once."), 422
        )
    return account, proof


def next_page() -> str:
    """Where somebody wanted to go; only ever a page of staff."""
    wanted = request.args.get("next", "")
    home = url_for("staff.today")
    return wanted if wanted.startswith(home) and wanted.isprintable() else home


def _first_page(account: Account) -> str:
    if account.has_factor or may_wait():
        return next_page()
    return url_for("staff.second_factor", next=request.args.get("next"))


def _page(form: SignInForm, status: int) -> AnyResponse:
    g.staff = None
    return make_response(render_template("staff/sign_in.html", form=form), status)

"""Setting up the second factor: a picture to scan, the same to type, and the first code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from flask import flash, g, make_response, redirect, render_template
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import db, forget_deleted_rows
from staff import audit
from staff.access import SignedIn, signed_in, staff
from staff.door import sessions
from staff.door.second_factor import (
    key_uri,
    matching_step,
    may_wait,
    open_before_factor,
    picture,
    set_up,
    typed_secret,
)
from staff.door.views_sign_in import next_page
from staff.forms import CodeForm
from staff.permissions import SIGNED_IN, needs


@staff.get("/second-factor")
@needs(SIGNED_IN)
@open_before_factor
def second_factor() -> AnyResponse:
    """The secret, to be taken over by an app; afterwards only that there is one."""
    return _page(CodeForm(formdata=None), 200)


@staff.post("/second-factor")
@needs(SIGNED_IN)
@open_before_factor
def set_second_factor() -> AnyResponse:
    """Take the first code: from now on nobody signs in without one."""
    me, form, now = signed_in(), CodeForm(), datetime.now(UTC)
    if me.has_factor or me.totp_secret is None or not form.validate():
        return _page(form, 422)
    step = matching_step(me.totp_secret, form.code.data or "", now)
    if step is None or not set_up(me.id, step):
        form.code.errors = [_("This is not the code of now. Check the clock of your phone.")]
        return _page(form, 422)
    _forget_secret(me, now)
    audit.record("staff.factor-set", now, actor=me.id, subject=("staff", me.id))
    db.session.commit()
    forget_deleted_rows()
    flash(_("The second factor is set up. From now on you sign in with a code, too."), "good")
    return redirect(next_page(), 303)


def _forget_secret(me: SignedIn, now: datetime) -> None:
    """Another token for this session, without the secret under it; those without a code end."""
    token = sessions.token_in_request()
    sessions.end_other_sessions(me.id, token)
    g.renewed_token = sessions.renew_session(token, now, me.holder_key)
    g.staff = replace(me, has_factor=True, totp_secret=None)


def _page(form: CodeForm, status: int) -> AnyResponse:
    me = signed_in()
    secret = None if me.has_factor else me.totp_secret
    page = render_template(
        "staff/second_factor.html",
        form=form,
        picture=picture(key_uri(secret, me.name)) if secret else "",
        secret=typed_secret(secret) if secret else "",
        may_wait=may_wait(),
        later=next_page(),
    )
    return make_response(page, status)

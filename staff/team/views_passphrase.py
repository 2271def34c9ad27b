"""Another passphrase for one's own account; every other session of it ends."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import flash, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, begin_write, db
from config.settings import settings
from staff import audit
from staff.access import signed_in, staff
from staff.door import sign_in as signing
from staff.door.sessions import end_other_sessions, token_in_request
from staff.door.step_up import stepped_up
from staff.models import StaffMember
from staff.permissions import SIGNED_IN, needs
from staff.team import offers
from staff.team.forms import ChangeChosenForm, ChangeOfferedForm
from staff.team.invitations import needs_key
from staff.team.offers import Offer
from staff.team.words import what_is_wrong
from vault.models import Holder
from vault.services import Wrapped, unlock, wrap_anew

ChangeForm = ChangeOfferedForm | ChangeChosenForm


@staff.get("/passphrase")
@needs(SIGNED_IN)
@stepped_up  # here already, so that no passphrase has to be carried over the question
def passphrase() -> AnyResponse:
    """A new passphrase to write down, or the form to choose one where no key is at stake."""
    if needs_key(signed_in().role):
        return _page(ChangeOfferedForm(formdata=None), _new_offer())
    return _page(ChangeChosenForm(formdata=None), None)


@staff.post("/passphrase")
@needs(SIGNED_IN)
@stepped_up
def change_passphrase() -> AnyResponse:
    """Wrap the same key under the new passphrase."""
    begin_read()  # the slow part comes before anything is written
    form: ChangeForm
    if not needs_key(signed_in().role):
        form, offer = ChangeChosenForm(), None
        is_fit = form.validate() and _is_fit(form)
    else:
        form = ChangeOfferedForm()
        offer = offers.read_offer(form.offer.data or "", _purpose())
        if offer is None:  # from an older page, or made up: draw another one
            return _page(ChangeOfferedForm(formdata=None), _new_offer())
        is_fit = form.validate() and offers.was_typed_back(offer, form.passphrase)
    return _change(form, offer) if is_fit else _page(form, offer)


def _change(form: ChangeForm, offer: Offer | None) -> AnyResponse:
    me, now = signed_in(), datetime.now(UTC)
    new = offer.words if offer else form.passphrase.data or ""
    try:
        holder, wrapped = _wrap(form.current.data or "", new, now, is_chosen=offer is None)
    except signing.Refused as refusal:
        form.current.errors = [str(refusal)]
        return _page(form, offer, refusal.status)
    db.session.rollback()
    signing.forget_attempts(me.name, now)
    if not _put(me.id, holder, wrapped):
        db.session.rollback()
        form.form_errors.append(
            _("Your account got another key or passphrase meanwhile. Nothing was changed.")
        )
        return _page(form, offer, 409)
    end_other_sessions(me.id, token_in_request())
    audit.record("staff.passphrase-changed", now, actor=me.id, subject=("staff", me.id))
    db.session.commit()
    flash(_("The new passphrase is set. Everywhere else you are signed out."), "good")
    return redirect(url_for("staff.today"), 303)


def _wrap(current: str, new: str, now: datetime, *, is_chosen: bool) -> tuple[Holder, Wrapped]:
    """Whose key it is, and the key under the new passphrase. Argon2 twice: no transaction.

    Raises Refused.
    """
    begin_write()
    me = signed_in()
    signing.count_try(me.name, now)
    account = signing.find_account_of(me.id)
    db.session.commit()
    holder = account.holder if account else None
    opened = unlock(holder, current) if holder else None
    if holder is None or opened is None:
        raise signing.Refused(_("This is not your present passphrase."), 422)
    secret = opened.totp_secret
    return holder, wrap_anew(holder.id, opened.key, secret, new, is_chosen=is_chosen)


def _put(staff_id: uuid.UUID, of: Holder, wrapped: Wrapped) -> bool:
    """Keep the new wrap; False where the account has another key or passphrase since."""
    member = db.session.get(StaffMember, staff_id, with_for_update=True)
    if member is None or member.holder_id != of.id:
        return False
    holder = db.session.get(Holder, of.id, with_for_update=True)
    if holder is None or holder.salt != of.salt:
        return False
    wrapped.put_on(holder)
    return True


def _is_fit(form: ChangeChosenForm) -> bool:
    fault = what_is_wrong(form.passphrase.data or "", [signed_in().name, settings().organisation])
    if fault:
        form.passphrase.errors = [fault]
    return fault is None


def _new_offer() -> Offer:
    return offers.make_offer(_purpose())


def _purpose() -> str:
    return signed_in().id.hex


def _page(form: ChangeForm, offer: Offer | None, status: int = 422) -> AnyResponse:
    page = render_template("staff/passphrase.html", form=form, offer=offer)
    return make_response(page, status if form.errors else 200)

"""The team: who works here, inviting, another role, removing. Only for administrators."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import abort, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from config.database import db, forget_deleted_rows
from config.settings import settings
from staff.access import opener, signed_in, staff
from staff.door import sessions
from staff.door.step_up import stepped_up
from staff.permissions import needs
from staff.team import invitations
from staff.team import members as team
from staff.team.forms import InviteForm, RoleForm
from staff.team.rotation import rotate_after_removal
from vault.services import Opener


@staff.get("/team")
@needs("manage-staff")
def team_page() -> AnyResponse:
    """Everybody who works here, and the form that invites."""
    return _list_page(InviteForm(formdata=None), 200)


@staff.post("/team")
@needs("manage-staff")
@stepped_up
def invite() -> AnyResponse:
    """Invite somebody, and show the link once."""
    form, now = InviteForm(), datetime.now(UTC)
    if not form.validate():
        return _list_page(form, 422)
    role = form.role.data or ""
    try:
        token = invitations.invite_new(
            form.name.data or "", role, _key_for(role), signed_in().id, now
        )
    except invitations.BadName:
        form.name.errors = [_("Enter a name of letters and digits.")]
        return _list_page(form, 422)
    except invitations.NameTaken:
        form.name.errors = [_("Somebody works here under this name. Choose another one.")]
        return _list_page(form, 409)
    name = invitations.checked_name(form.name.data or "")
    db.session.commit()
    return _link_page(name, role, token)


@staff.get("/team/<uuid:staff_id>")
@needs("manage-staff")
def member(staff_id: uuid.UUID) -> str:
    """One member: where they are signed in, another role, a new link, the end."""
    now = datetime.now(UTC)
    found = team.find_member(staff_id, now) or abort(404)
    form, theirs = RoleForm(formdata=None, role=found.role), sessions.sessions_of(staff_id, now)
    return render_template("staff/member.html", member=found, form=form, sessions=theirs)


@staff.post("/team/<uuid:staff_id>/invitation")
@needs("manage-staff")
@stepped_up
def invite_again(staff_id: uuid.UUID) -> AnyResponse:
    """A new link for somebody who lost passphrase or code."""
    found, now = team.find_member(staff_id, datetime.now(UTC)) or abort(404), datetime.now(UTC)
    token = invitations.invite_again(
        staff_id, found.role, _key_for(found.role), signed_in().id, now
    )
    db.session.commit()
    return _link_page(found.name, found.role, token)


@staff.post("/team/<uuid:staff_id>/role")
@needs("manage-staff")
@stepped_up
def change_role(staff_id: uuid.UUID) -> AnyResponse:
    """Another role; one that sees contacts comes with a link, for it needs a new passphrase."""
    found, form = team.find_member(staff_id, datetime.now(UTC)) or abort(404), RoleForm()
    if not form.validate():
        return _back(staff_id, _("Choose a role."))
    me, key, role = signed_in().id, opener(), form.role.data or ""
    try:
        changed = team.change_role(staff_id, role, key, me, datetime.now(UTC))
    except (team.LastOne, team.OwnAccount, team.NotThere) as fault:
        return _refused(staff_id, fault)
    if changed.lost_key:
        _rotate(key)
    db.session.commit()
    _say_whose_links_ended(changed.links_ended)
    if changed.token:
        return _link_page(found.name, role, changed.token)
    flash(_("The role is changed."), "good")
    return redirect(url_for("staff.team_page"), 303)


@staff.post("/team/<uuid:staff_id>/sessions/end")
@needs("manage-staff")
@stepped_up
def end_sessions_of_member(staff_id: uuid.UUID) -> AnyResponse:
    """Sign a colleague out everywhere."""
    try:
        count = team.end_sessions(staff_id, signed_in().id, datetime.now(UTC))
    except (team.OwnAccount, team.NotThere) as fault:
        return _refused(staff_id, fault)
    db.session.commit()
    forget_deleted_rows()
    told = ngettext("%(num)s session ended.", "%(num)s sessions ended.", count)
    flash(told if count else _("They were signed in nowhere."), "good")
    return redirect(url_for("staff.member", staff_id=staff_id), 303)


@staff.post("/team/<uuid:staff_id>/remove")
@needs("manage-staff")
@stepped_up
def remove_member(staff_id: uuid.UUID) -> AnyResponse:
    """End everything by which somebody comes in, and give the vault a new key."""
    me, key = signed_in().id, opener()
    try:
        removed = team.remove(staff_id, me, datetime.now(UTC))
    except (team.LastOne, team.OwnAccount, team.NotThere) as fault:
        return _refused(staff_id, fault)
    if removed.had_key:
        _rotate(key)
    db.session.commit()
    _say_whose_links_ended(removed.links_ended)
    flash(_("Removed. Every session of theirs has ended."), "good")
    return redirect(url_for("staff.team_page"), 303)


def _rotate(key: Opener) -> None:
    """Give the vault a new key, or say who must: whoever left may have kept the present one.

    In the transaction that takes them out, so that neither happens without the other.
    """
    if not rotate_after_removal(key, signed_in().id, datetime.now(UTC)):
        flash(
            _(
                "The vault still has the key that they knew. Run “flask --app app staff rotate” "
                "on the server, so that what comes in from now on is closed to them."
            ),
            "warn",
        )


def _say_whose_links_ended(names: tuple[str, ...]) -> None:
    if names:
        words = _(
            "Links that they had made work no longer, for whoever made a link may have kept it. "
            "Invite anew: %(names)s.",
            names=", ".join(names),
        )
        flash(words, "warn")


def _key_for(role: str) -> Opener | None:
    return opener() if invitations.needs_key(role) else None


def _list_page(form: InviteForm, status: int) -> AnyResponse:
    db.session.rollback()
    now = datetime.now(UTC)
    page = render_template("staff/team.html", form=form, members=team.members(now), now=now)
    return make_response(page, status)


def _link_page(name: str, role: str, token: str) -> AnyResponse:
    """The link, once: nobody can show it again, only make another one."""
    link = settings().base_url + url_for("staff.invitation", token=token)
    page = render_template(
        "staff/invite.html",
        name=name,
        role=role,
        link=link,
        hours=int(invitations.LIFETIME.total_seconds() // 3600),
    )
    return make_response(page)


def _refused(staff_id: uuid.UUID, fault: Exception) -> AnyResponse:
    words = {
        team.LastOne: _("Without them nobody could let others in. Make somebody else first."),
        team.OwnAccount: _("Another administrator must do this to your account."),
        team.NotThere: _("They were removed meanwhile. Nothing was changed."),
    }
    return _back(staff_id, words[type(fault)])


def _back(staff_id: uuid.UUID, words: str) -> AnyResponse:
    db.session.rollback()
    flash(words, "bad")
    return redirect(url_for("staff.member", staff_id=staff_id), 303)

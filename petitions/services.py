"""Signing a petition, and what confirming a signature means."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import cast

from flask import url_for

from contacts.confirmations import Confirmation
from contacts.models import Deed
from contacts.services import Agreed, GivenDeed, record_deed
from petitions.forms import CONSENT, NEWSLETTER, SignatureForm
from petitions.models import Signature
from petitions.queries import find_petition


class NoSuchPetition(Exception):
    """There is no petition of this name."""


class PetitionClosed(Exception):
    """Its last day is over."""


def find_open(slug: str, now: datetime) -> uuid.UUID:
    """The id of a petition that can be signed. Raises NoSuchPetition and PetitionClosed.

    Who signed before its last day was over is still counted, by the link in the mail.
    """
    petition = find_petition(slug)
    if petition is None:
        raise NoSuchPetition(slug)
    if petition.is_closed(now.date()):
        raise PetitionClosed(slug)
    return petition.id


def sign(slug: str, form: SignatureForm, language: str, now: datetime) -> None:
    """Write a signature that waits for its confirmation.

    Raises NoSuchPetition, PetitionClosed, VaultMissing.
    """
    petition_id = find_open(slug, now)
    agreed = [Agreed("signature", str(CONSENT))]
    if form.newsletter.data:
        agreed.append(Agreed("newsletter", str(NEWSLETTER)))
    given = GivenDeed(
        model=Signature,
        kind="signature",
        mail="confirm-signature",
        subject=slug,
        email=form.email.data or "",
        language=language,
        details={"name": form.name.data, "email": form.email.data, "country": form.country.data},
        agreed=agreed,
        columns={"petition_id": petition_id},
        country=form.country.data or "",
        is_discreet=bool(form.discreet.data),
    )
    record_deed(given, now)


def _slug(deed: Deed) -> str:
    return cast(Signature, deed).petition.slug


def _thanks(deed: Deed) -> str:
    return url_for("petitions.thanks", slug=_slug(deed))


confirmation = Confirmation(
    kind="signature",
    model=Signature,
    mail="confirm-signature",
    state="confirmed",
    subject=_slug,
    thanks=_thanks,
    once="petition_id",
)

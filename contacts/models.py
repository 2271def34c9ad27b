"""Contacts, deeds, consents and tallies: ids, states and days in clear, the person sealed."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from config.database import Base, HasId, UTCDateTime


class Contact(HasId, Base):
    """One person, known by a sealed address."""

    __tablename__ = "contact"
    __table_args__ = (CheckConstraint("state IN ('pending', 'confirmed')", name="state"),)

    # NULL where the index key was not at hand; made good at the next sign-in of a key holder
    email_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(String(8))
    newsletter: Mapped[bool] = mapped_column(default=False)
    # asked for mails that do not show, from outside, whom they are from
    is_discreet: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    day: Mapped[date]


class Deed(HasId):
    """What one person did once: the details sealed as given then, never overwritten later."""

    @declared_attr
    def contact_id(cls) -> Mapped[uuid.UUID]:  # noqa: N805 - called with the class
        """The person."""
        return mapped_column(ForeignKey("contact.id"), index=True)

    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12))
    day: Mapped[date]
    confirm_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    # what confirming must know, readable only with the token in the mail
    confirm_note: Mapped[bytes | None] = mapped_column(LargeBinary)


class ConsentText(Base):
    """The exact words somebody agreed to, by the hash of language and words."""

    __tablename__ = "consent_text"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(8))
    words: Mapped[str] = mapped_column(Text)
    day: Mapped[date]


class Consent(HasId, Base):
    """A consent given or withdrawn; rows are only ever added."""

    __tablename__ = "consent"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    deed_id: Mapped[uuid.UUID] = mapped_column(index=True)
    purpose: Mapped[str] = mapped_column(String(40))
    text_hash: Mapped[bytes] = mapped_column(ForeignKey("consent_text.hash"))
    is_given: Mapped[bool]
    day: Mapped[date]


class LinkRequest(HasId, Base):
    """Somebody asked for a private link; the worker finds out whether the address is known."""

    __tablename__ = "link_request"

    purpose: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(8))
    blob: Mapped[bytes] = mapped_column(LargeBinary)  # the address, under the mail key
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class PrivateLink(Base):
    """A link that was mailed: who has it may see what belongs to the contact, for a short time."""

    __tablename__ = "private_link"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    # the mailbox that it went to, under its token; None where no mail was sent
    address: Mapped[bytes | None] = mapped_column(LargeBinary)


class Correction(HasId, Base):
    """Details that a person gave anew on their own page: sealed, beside what they gave before."""

    __tablename__ = "correction"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    day: Mapped[date]


class AddressChange(Base):
    """A new address that a person gave on their own page, until the mail to it is confirmed."""

    __tablename__ = "address_change"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    # the contact's own box as it will be: it is bound to the contact's id
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    email_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class CopyRequest(HasId, Base):
    """A person asked for a copy of all that is kept of them; a key holder releases it.

    Released, the copy lies under a key that is in the mailed link alone, until it expires.
    """

    __tablename__ = "copy_request"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    language: Mapped[str] = mapped_column(String(8))
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    blob: Mapped[bytes | None] = mapped_column(LargeBinary)


class TallyDelta(Base):
    """A change of a count, appended in the transaction that caused it; the worker folds it."""

    __tablename__ = "tally_delta"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(125))
    day: Mapped[date]
    country: Mapped[str] = mapped_column(String(2), default="")
    n: Mapped[int] = mapped_column(BigInteger)


class Tally(Base):
    """Folded counts by one facet at a time, day or country, so that small groups stay unseen."""

    __tablename__ = "tally"
    __table_args__ = (Index("ix_tally_kind_facet", "kind", "facet"),)

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(125), primary_key=True)
    facet: Mapped[str] = mapped_column(String(8), primary_key=True)
    value: Mapped[str] = mapped_column(String(10), primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)

"""Petitions, their text in each language, and signatures."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from config.database import Base, HasId
from contacts.models import Deed


class Petition(HasId, Base):
    """What people sign."""

    __tablename__ = "petition"

    slug: Mapped[str] = mapped_column(String(80), unique=True)
    campaign_slug: Mapped[str] = mapped_column(String(80))
    goal: Mapped[int]
    closes_on: Mapped[date | None]  # the last day (UTC) on which one can sign
    tags: Mapped[list[str]] = mapped_column(JSON)
    texts: Mapped[list[PetitionText]] = relationship(lazy="selectin")


class PetitionText(Base):
    """A petition in one language."""

    __tablename__ = "petition_text"

    petition_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("petition.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    addressee: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    thanks: Mapped[str] = mapped_column(Text)
    share: Mapped[str] = mapped_column(Text)
    facts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    sources: Mapped[list[str]] = mapped_column(JSON)
    loaded_hash: Mapped[str] = mapped_column(String(64))


class Signature(Deed, Base):
    """One person's signature under one petition, once confirmed."""

    __tablename__ = "signature"
    __table_args__ = (
        Index("ix_signature_day_id", "day", "id"),
        Index(
            "uq_signature_confirmed",
            "petition_id",
            "contact_id",
            unique=True,
            sqlite_where=text("state = 'confirmed'"),
            postgresql_where=text("state = 'confirmed'"),
        ),
    )

    petition_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("petition.id"))
    petition: Mapped[Petition] = relationship()

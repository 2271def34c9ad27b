"""Campaigns and their text in each language."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from config.database import Base, HasId


class Campaign(HasId, Base):
    """One cause, told once, with the four things a reader can do."""

    __tablename__ = "campaign"

    slug: Mapped[str] = mapped_column(String(80), unique=True)
    position: Mapped[int]
    tags: Mapped[list[str]] = mapped_column(JSON)
    fund: Mapped[str] = mapped_column(String(40))
    petition_slug: Mapped[str] = mapped_column(String(80))
    sister_slug: Mapped[str | None] = mapped_column(String(80))
    texts: Mapped[list[CampaignText]] = relationship(lazy="selectin")


class CampaignText(Base):
    """A campaign in one language, in Markdown."""

    __tablename__ = "campaign_text"

    campaign_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    kicker: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    share: Mapped[str] = mapped_column(Text)
    story: Mapped[str] = mapped_column(Text)
    thanks_give: Mapped[str] = mapped_column(Text)
    facts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    sources: Mapped[list[str]] = mapped_column(JSON)
    calls: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON)
    # of the words as they were loaded: other words in the row mean that somebody edited them
    loaded_hash: Mapped[str] = mapped_column(String(64))

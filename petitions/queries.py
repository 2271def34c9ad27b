"""What pages and staff read of petitions."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from flask import current_app
from sqlalchemy import select

from config.database import db
from contacts import tally
from petitions.models import Petition, PetitionText

ASK_AGAIN_SECONDS = 30.0


@dataclass(frozen=True)
class PetitionPage:
    """A petition as a visitor sees it, in the best language there is."""

    id: uuid.UUID
    slug: str
    campaign_slug: str
    goal: int
    tags: list[str]
    text: PetitionText
    confirmed: int
    closes_on: date | None = None
    is_closed: bool = False

    @property
    def goal_now(self) -> int:
        """The next goal: the set one until it is reached, then the next half above."""
        goal = self.goal
        while self.confirmed >= goal:
            goal += max(self.goal // 2, 1)
        return goal


class Found(NamedTuple):
    """A petition as far as signing needs it."""

    id: uuid.UUID
    closes_on: date | None
    asked_at: float  # of this process's clock

    def is_closed(self, today: date) -> bool:
        """Whether its last day (UTC) is over."""
        return self.closes_on is not None and today > self.closes_on


def find_petition(slug: str) -> Found | None:
    """A petition; each process asks the database now and then, for its last day may change."""
    known: dict[str, Found] = current_app.extensions.setdefault("vigil_petitions", {})
    clock = time.monotonic()
    if slug not in known or clock - known[slug].asked_at > ASK_AGAIN_SECONDS:
        columns = select(Petition.id, Petition.closes_on).where(Petition.slug == slug)
        row = db.session.execute(columns).first()
        if row is None:
            return None
        known[slug] = Found(row.id, row.closes_on, clock)
    return known[slug]


def petition_page(slug: str, language: str, default: str) -> PetitionPage | None:
    """A petition and the count of its confirmed signatures; None where there is none."""
    petition = db.session.scalar(select(Petition).where(Petition.slug == slug))
    if petition is None:
        return None
    texts = {text.language: text for text in petition.texts}
    text = texts.get(language) or texts.get(default) or next(iter(texts.values()))
    today = datetime.now(UTC).date()
    return PetitionPage(
        id=petition.id,
        slug=slug,
        campaign_slug=petition.campaign_slug,
        goal=petition.goal,
        tags=petition.tags,
        text=text,
        confirmed=tally.total("signature.confirmed", slug),
        closes_on=petition.closes_on,
        is_closed=petition.closes_on is not None and today > petition.closes_on,
    )


def petition_titles(language: str) -> dict[str, str]:
    """Titles by slug, for staff."""
    rows = db.session.execute(
        select(Petition.slug, PetitionText.language, PetitionText.title).join(PetitionText)
    ).all()
    titles: dict[str, str] = {}
    for slug, text_language, title in rows:
        if text_language == language or slug not in titles:
            titles[slug] = title
    return titles

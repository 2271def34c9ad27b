"""What pages and staff read of petitions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select

from config.database import db
from contacts import tally
from petitions.models import Petition, PetitionText


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

    @property
    def goal_now(self) -> int:
        """The next goal: the set one until it is reached, then the next half above."""
        goal = self.goal
        while self.confirmed >= goal:
            goal += max(self.goal // 2, 1)
        return goal


def find_petition(slug: str) -> uuid.UUID | None:
    """A petition's id; each process asks the database once, for ids never change."""
    known: dict[str, uuid.UUID] = current_app.extensions.setdefault("vigil_petitions", {})
    if slug not in known:
        petition_id = db.session.scalar(select(Petition.id).where(Petition.slug == slug))
        if petition_id is None:
            return None
        known[slug] = petition_id
    return known[slug]


def petition_page(slug: str, language: str, default: str) -> PetitionPage | None:
    """A petition and the count of its confirmed signatures; None where there is none."""
    petition = db.session.scalar(select(Petition).where(Petition.slug == slug))
    if petition is None:
        return None
    texts = {text.language: text for text in petition.texts}
    text = texts.get(language) or texts.get(default) or next(iter(texts.values()))
    return PetitionPage(
        id=petition.id,
        slug=slug,
        campaign_slug=petition.campaign_slug,
        goal=petition.goal,
        tags=petition.tags,
        text=text,
        confirmed=tally.total("signature.confirmed", slug),
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

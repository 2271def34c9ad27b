"""Loading campaigns from files into the database, without undoing what was edited there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from campaigns.content import Content, Words
from campaigns.models import Campaign, CampaignText
from config.database import db
from petitions.models import Petition, PetitionText

CAMPAIGN_WORDS = (
    "title", "kicker", "summary", "share", "story", "thanks_give", "facts", "sources", "calls",
)  # fmt: skip
PETITION_WORDS = (
    "title", "addressee", "summary", "text", "thanks", "share", "facts", "sources",
)  # fmt: skip


@dataclass
class Loaded:
    """What loading did: texts written, and those left as they were edited."""

    written: int = 0
    unchanged: int = 0
    kept: list[str] | None = None

    def keep(self, name: str) -> None:
        """Note a text that was edited since it was loaded."""
        self.kept = [*(self.kept or []), name]


def load_campaigns(contents: Iterable[Content], overwrite: bool) -> Loaded:
    """Write campaigns and petitions; a text that was edited since stays unless `overwrite`."""
    loaded = Loaded()
    for content in contents:
        campaign, petition = _campaign(content), _petition(content)
        db.session.flush()
        for language, words in content.words.items():
            name = f"{campaign.slug}/{language}"
            text = db.session.get(CampaignText, (campaign.id, language))
            text = text or CampaignText(campaign_id=campaign.id, language=language)
            _write(text, CAMPAIGN_WORDS, _campaign_words(words), name, overwrite, loaded)
            signed = db.session.get(PetitionText, (petition.id, language))
            signed = signed or PetitionText(petition_id=petition.id, language=language)
            name += " (petition)"
            _write(signed, PETITION_WORDS, _petition_words(words), name, overwrite, loaded)
    db.session.flush()
    return loaded


def _campaign(content: Content) -> Campaign:
    facts = content.facts
    campaign = db.session.scalar(select(Campaign).where(Campaign.slug == facts.slug))
    campaign = campaign or Campaign(slug=facts.slug)
    campaign.position, campaign.tags, campaign.fund = facts.position, facts.tags, facts.fund
    campaign.petition_slug, campaign.sister_slug = facts.petition.slug, facts.sister
    db.session.add(campaign)
    return campaign


def _petition(content: Content) -> Petition:
    facts = content.facts
    petition = db.session.scalar(select(Petition).where(Petition.slug == facts.petition.slug))
    petition = petition or Petition(slug=facts.petition.slug)
    petition.campaign_slug, petition.tags = facts.slug, facts.tags
    petition.goal, petition.closes_on = facts.petition.goal, facts.petition.closes
    db.session.add(petition)
    return petition


def _campaign_words(words: Words) -> dict[str, Any]:
    return {
        **words.model_dump(include={"title", "kicker", "summary", "share", "story", "facts"}),
        "sources": [source.text for source in words.sources],
        "calls": words.calls.model_dump(),
        "thanks_give": words.thanks.give,
    }


def _petition_words(words: Words) -> dict[str, Any]:
    return {
        **words.petition.model_dump(),
        **words.model_dump(include={"share", "facts"}),
        "sources": [source.text for source in words.sources],
        "thanks": words.thanks.sign,
    }


def _write(
    row: CampaignText | PetitionText,
    names: tuple[str, ...],
    words: dict[str, Any],
    name: str,
    overwrite: bool,
    loaded: Loaded,
) -> None:
    new_hash = _hash_of([words[key] for key in names])
    if row.loaded_hash:
        now_hash = _hash_of([getattr(row, key) for key in names])
        if now_hash == new_hash:
            row.loaded_hash = new_hash
            loaded.unchanged += 1
            return
        if now_hash != row.loaded_hash and not overwrite:
            loaded.keep(name)
            return
    for key in names:
        setattr(row, key, words[key])
    row.loaded_hash = new_hash
    db.session.add(row)
    loaded.written += 1


def _hash_of(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

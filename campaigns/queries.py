"""What pages read of campaigns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from campaigns.models import Campaign, CampaignText
from config.database import db
from petitions.queries import PetitionPage, petition_page


@dataclass(frozen=True)
class CampaignPage:
    """A campaign as a visitor sees it, in the best language there is, with its petition."""

    slug: str
    tags: list[str]
    fund: str
    sister_slug: str | None
    text: CampaignText
    petition: PetitionPage | None


def campaign_pages(language: str, default: str) -> list[CampaignPage]:
    """Every campaign in its order."""
    rows = db.session.scalars(select(Campaign).order_by(Campaign.position, Campaign.slug))
    return [_page(campaign, language, default) for campaign in rows]


def campaign_page(slug: str, language: str, default: str) -> CampaignPage | None:
    """One campaign; None where there is none of that name."""
    campaign = db.session.scalar(select(Campaign).where(Campaign.slug == slug))
    return _page(campaign, language, default) if campaign else None


def slugs() -> list[tuple[str, str]]:
    """Each campaign's name in addresses and its petition's, for the sitemap."""
    rows = db.session.execute(
        select(Campaign.slug, Campaign.petition_slug).order_by(Campaign.position)
    )
    return [(slug, petition_slug) for slug, petition_slug in rows]


def _page(campaign: Campaign, language: str, default: str) -> CampaignPage:
    texts = {text.language: text for text in campaign.texts}
    return CampaignPage(
        slug=campaign.slug,
        tags=campaign.tags,
        fund=campaign.fund,
        sister_slug=campaign.sister_slug,
        text=texts.get(language) or texts.get(default) or next(iter(texts.values())),
        petition=petition_page(campaign.petition_slug, language, default),
    )

"""What pages read of campaigns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from campaigns.models import Campaign, CampaignText
from config.database import db
from config.settings import settings
from donate.funds import Cause
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


def find_cause(slug: str, language: str) -> Cause | None:
    """A campaign as the donate page needs it; None where there is none of that name."""
    campaign = db.session.scalar(select(Campaign).where(Campaign.slug == slug))
    if campaign is None:
        return None
    text = _text(campaign, language, settings().supported_languages[0])
    return Cause(slug, text.title, text.language, campaign.fund, text.thanks_give)


def slugs() -> list[tuple[str, str]]:
    """Each campaign's name in addresses and its petition's, for the sitemap."""
    rows = db.session.execute(
        select(Campaign.slug, Campaign.petition_slug).order_by(Campaign.position)
    )
    return [(slug, petition_slug) for slug, petition_slug in rows]


def campaign_titles(language: str) -> dict[str, str]:
    """Titles by slug in the order of the campaigns, for staff."""
    rows = db.session.execute(
        select(Campaign.slug, CampaignText.language, CampaignText.title)
        .join(CampaignText)
        .order_by(Campaign.position, Campaign.slug, CampaignText.language)
    )
    titles: dict[str, str] = {}
    for slug, text_language, title in rows:
        if text_language == language or slug not in titles:
            titles[slug] = title
    return titles


def _page(campaign: Campaign, language: str, default: str) -> CampaignPage:
    return CampaignPage(
        slug=campaign.slug,
        tags=campaign.tags,
        fund=campaign.fund,
        sister_slug=campaign.sister_slug,
        text=_text(campaign, language, default),
        petition=petition_page(campaign.petition_slug, language, default),
    )


def _text(campaign: Campaign, language: str, default: str) -> CampaignText:
    texts = {text.language: text for text in campaign.texts}
    return texts.get(language) or texts.get(default) or next(iter(texts.values()))

"""The home page, a campaign's page, and the map of all addresses."""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, make_response, render_template, url_for

from campaigns.queries import CampaignPage, campaign_page, campaign_pages, slugs
from config.settings import settings
from donate.books.queries import goals_of
from web.headers import is_public
from web.public import public_blueprint, public_page

campaigns = public_blueprint("campaigns", __name__)
site = Blueprint("site", __name__)


@campaigns.get("/")
def home() -> Response:
    """All campaigns."""
    return public_page("campaigns/home.html", campaigns=campaign_pages(g.language, _default()))


@campaigns.get("/campaigns/<slug:slug>")
def campaign(slug: str) -> Response:
    """The story and its calls to action."""
    page = _campaign(slug) or abort(404)
    sister = _campaign(page.sister_slug) if page.sister_slug else None
    address = settings().base_url + url_for("campaigns.campaign", slug=slug)
    return public_page(
        "campaigns/campaign.html",
        campaign=page,
        petition=page.petition,
        sister=sister,
        goals=goals_of(slug),
        address=address,
    )


@site.get("/sitemap.xml")
def sitemap() -> Response:
    """Every public page in every language (sitemaps.org, with hreflang)."""
    pages: list[tuple[str, dict[str, str]]] = [("campaigns.home", {})]
    for slug, petition_slug in slugs():
        pages.append(("campaigns.campaign", {"slug": slug}))
        pages.append(("petitions.petition", {"slug": petition_slug}))
    pages += [
        (endpoint, {})
        for endpoint in (
            "volunteers.volunteer",
            "donate.start",
            "pages.privacy",
            "pages.accessibility",
            "pages.imprint",
        )
    ]
    response = make_response(render_template("campaigns/sitemap.xml", pages=pages))
    response.mimetype = "application/xml"
    is_public(response)
    return response


def _campaign(slug: str) -> CampaignPage | None:
    return campaign_page(slug, g.language, _default())


def _default() -> str:
    return settings().supported_languages[0]

"""A petition after its last day: its page stays, its form is gone, nothing is taken any more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from campaigns.content import BadContent, CampaignFacts, read_campaigns
from campaigns.services import load_campaigns
from config.database import db
from config.settings import ROOT
from contacts import tally
from petitions.models import Petition, Signature
from tests.support.visitor import PERSON, PETITION, form_token, mails, sign

CLOSED = "This petition is closed"


def close(app: Flask, on: date) -> None:
    """Set the petitions' last day, and have this process ask for it again."""
    db.session.execute(update(Petition).values(closes_on=on))
    db.session.commit()
    app.extensions.pop("vigil_petitions", None)


def test_one_signs_up_to_the_last_day_and_not_after(app: Flask, client: FlaskClient) -> None:
    today = datetime.now(UTC).date()
    close(app, today)
    token = form_token(client.get(PETITION).text)
    assert sign(client).status_code == 303
    close(app, today - timedelta(days=1))
    page = client.get(PETITION)
    assert CLOSED in page.text
    assert "<form" not in page.text.partition("<main")[2].partition("</main")[0]
    answer = client.post(PETITION, data={"form_token": token, **PERSON})
    assert answer.status_code == 410
    assert CLOSED in answer.text
    assert "Nothing of what you typed was kept." in answer.text
    assert client.post(PETITION, data={}).status_code == 410  # whatever was typed
    assert db.session.scalar(select(func.count()).select_from(Signature)) == 1


def test_who_signed_in_time_is_counted_by_the_link_in_the_mail(
    app: Flask, client: FlaskClient
) -> None:
    sign(client)
    close(app, datetime.now(UTC).date() - timedelta(days=1))
    assert client.post(mails()[0].params["path"]).status_code == 303
    assert tally.total("signature.confirmed") == 1
    assert "<b>1</b> person has signed" in client.get(PETITION).text


@pytest.mark.parametrize("language", ["en", "uk", "be"])
def test_the_pages_that_lead_there_do_not_ask_for_a_signature(
    app: Flask, client: FlaskClient, language: str
) -> None:
    before = client.get(f"/{language}/campaigns/stolen-childhood").text
    close(app, datetime.now(UTC).date() - timedelta(days=1))
    after = client.get(f"/{language}/campaigns/stolen-childhood").text
    assert before.count("bring-the-children-home") > after.count("bring-the-children-home") > 0
    assert client.get(f"/{language}/").status_code == 200


def test_the_last_day_stands_in_the_campaigns_file(app: Flask, tmp_path: Path) -> None:
    contents = read_campaigns(ROOT / "config" / "campaigns")
    facts = contents[0].facts.model_dump(mode="json")
    facts["petition"]["closes"] = "2027-03-31"
    contents[0].facts = CampaignFacts.model_validate(facts)
    load_campaigns(contents, overwrite=False)
    slug = contents[0].facts.petition.slug
    found = db.session.scalar(select(Petition.closes_on).where(Petition.slug == slug))
    assert found == date(2027, 3, 31)
    folder = tmp_path / "one"
    folder.mkdir()
    words = (ROOT / "config" / "campaigns" / "stolen-childhood" / "en.toml").read_text("utf-8")
    (folder / "en.toml").write_text(words, "utf-8")
    (folder / "campaign.toml").write_text(
        'slug = "one"\nposition = 1\ntags = []\nfund = "families"\n'
        '[petition]\nslug = "one"\ngoal = 5\ncloses = "some day"\n'
    )
    with pytest.raises(BadContent, match=r"petition\.closes"):
        read_campaigns(tmp_path)

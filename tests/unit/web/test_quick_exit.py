"""The way out that is on every page."""

from __future__ import annotations

from flask.testing import FlaskClient

SLUG = "bring-the-children-home"


def test_way_out_is_on_every_page_and_leads_elsewhere(client: FlaskClient) -> None:
    pages = ("", f"petitions/{SLUG}", "volunteer", "donate", "privacy", "confirm/x", "not-me/x")
    for page in pages:
        assert 'href="/leave"' in client.get(f"/en/{page}").text
    answer = client.get("/leave")
    chosen = client.application.extensions["vigil_settings"].quick_exit_url
    assert (answer.status_code, answer.location) == (303, chosen)
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers

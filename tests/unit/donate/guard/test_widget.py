"""The widget is the one that its makers published, and comes from us alone."""

from __future__ import annotations

import hashlib
import re

import pytest
from flask.testing import FlaskClient

from config.settings import ROOT
from web.filters import static_url

FOLDER = ROOT / "static" / "altcha"
# of the npm package altcha 3.2.2
PUBLISHED = {
    "LICENSE.txt": "bee1fb9d9c97d42c12c22332c5250f2fb1ef5c2321f6f82beb23e3b77be50a29",
    "altcha.css": "03622256effb4e962d0c1da9a59684cf237f541f290703934c07a97dabcbad47",
    "altcha.min.js": "959494398e8fcde3414d09309ade24b444ede098b04dec1514f4754279bff031",
    "pbkdf2.js": "7862add9c9d3d847ded3da928edcf406b46478754b9883351111414825b9c86f",
}
OURS = {"proof.css", "proof.js", "README.txt"}


def test_nothing_but_what_was_published_and_ours_is_there() -> None:
    found = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    sums = {name: hashlib.sha256(found[name]).hexdigest() for name in found.keys() - OURS}
    assert sums == PUBLISHED
    assert found.keys() >= OURS


def test_our_script_watches_nobody_and_asks_nobody() -> None:
    script = (FOLDER / "proof.js").read_text("utf-8")
    assert "humanInteractionSignature: false" in script
    assert not re.search(r"https?:|fetch\(|cookie|Storage", script)


@pytest.mark.parametrize("name", ["altcha.min.js", "pbkdf2.js", "proof.js"])
def test_scripts_come_as_scripts_and_stay_with_the_browser(client: FlaskClient, name: str) -> None:
    with client.application.test_request_context():
        address = static_url(f"altcha/{name}")
    answer = client.get(address)
    assert answer.mimetype == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"

"""Each address of ours in a mail is one that the application answers."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from config.database import db
from tests.support.instances import Instance, InstanceMaker
from tests.unit.mail.test_render import BASE, CASES, LANGUAGES, targets_of, written


@pytest.fixture
def installed(instance_maker: InstanceMaker) -> Iterator[Instance]:
    made = instance_maker.make("sqlite")
    yield made
    instance_maker.drop(made)


def test_every_link_leads_to_a_page(installed: Instance) -> None:
    app = installed.app(base_url=BASE)
    addresses = app.url_map.bind("vigil.example.org", url_scheme="https")
    seen = set()
    for kind, more in CASES:
        for language in LANGUAGES:
            for target in targets_of(written(app, kind, language, **more).html):
                if target.startswith(f"{BASE}/"):
                    endpoint, _values = addresses.match(urlsplit(target).path, method="GET")
                    seen.add(endpoint)
    assert {"campaigns.home", "contacts.confirm", "donate.start", "giving.ask"} < seen
    with app.app_context():
        db.engine.dispose()

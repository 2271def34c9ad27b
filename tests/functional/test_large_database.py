"""The large database that `make bench` measures on can be made, on both kinds."""

from __future__ import annotations

from flask.testing import FlaskClient

from bench.many import add_many, dashboard_milliseconds
from config.database import db
from contacts import tally
from petitions.models import Signature
from tests.support.instances import Instance
from tests.support.visitor import sign

MANY = 2000


def test_signatures_and_their_counts_are_added(instance: Instance, client: FlaskClient) -> None:
    assert sign(client).status_code == 303
    add_many(instance, MANY)
    assert dashboard_milliseconds(instance) > 0
    assert db.session.query(Signature).count() == MANY + 1
    assert sum(tally.by_country("signature.confirmed").values()) == MANY

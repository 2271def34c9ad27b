"""An application with nothing but the donate room, and what donors and Stripe do to it."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import DictLoader
from sqlalchemy import select
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from config.database import Base, db, prepare_engine
from config.languages import init_languages
from config.settings import ROOT, load_settings
from contacts import tally
from contacts.models import Consent, Contact
from contacts.services import add_contact
from demo.stripe import RunningStandIn
from demo.stripe.account import encode
from demo.stripe.deliverer import sign
from demo.stripe.faults import Fault, Faults, Kind
from demo.stripe.ledger import Json
from donate.books.models import Dispute, LedgerLine, Refund
from donate.books.refunds import end_refused, send_refunds
from donate.gateway import LOOKS, init_gateway
from donate.models import Donation, RecurringDonation, StripeEvent
from donate.views import donate
from donate.webhooks import webhooks
from mail.models import OutgoingEmail
from mail.outbox import unseal
from petitions.models import Petition, Signature
from petitions.services import confirmation
from vault.services import Opener, init_vault, vault
from web.errors import init_errors
from web.filters import init_filters
from web.headers import init_headers
from web.origin import init_origin_check
from web.public import push_language
from web.throttle import init_throttle
from web.tokens import make_form_token

NOW = datetime.now(UTC)
KEY = "sk_test_made_up"
SECRETS = ("whsec_new", "whsec_old")
DONOR = "canary-donor@example.org"
PAYS, DECLINED, ASKS = "4242 4242 4242 4242", "4000000000000002", "4000 0027 6000 3184"
FROM_BELARUS, RENEWALS_FAIL, RENEWALS_ASK = "4000001120000005", "4000000000000341", ASKS
DISPUTED, WARNED = "4000000000000259", "4000000000005423"
REFUND_FAILS, REFUND_WAITS = "4000000000005126", "4000000000007726"
DEBIT_PAYS, DEBIT_FAILS = "DE89370400440532013000", "DE62370400440532013001"
Row = TypeVar("Row", bound=Base)

FORM = """{% for e in form.form_errors %}[form: {{ e }}]{% endfor %}
{% for f in form %}{% for e in f.errors %}[{{ f.name }}: {{ e }}]{% endfor %}{% endfor %}
{% for currency, tiles in form.suggested_groups() %}{% for value, label, checked in tiles %}
<{{ value }} {{ label }}{{ " checked" if checked }}>{% endfor %}{% endfor %}
{{ form.amount() }}{{ form.newsletter() }}
{% for f in (form.currency, form.frequency, form.fund) %}
{% for value, name, is_chosen, _more in f.iter_choices() %}
<option value="{{ value }}"{{ " selected" if is_chosen }}>{{ name }}</option>
{% endfor %}{% endfor %}
{{ "closed" if not is_open }}"""
TEMPLATES = {
    "donate/donate.html": FORM,
    "donate/thanks.html": "state={{ state }} amount={{ amount }} fund={{ fund }}",
    "donate/cancelled.html": "cancelled",
    "donate/risk.html": "risk",
    "donate/proof.html": "proof",
    "errors/error.html": "error {{ status }}",
}


def create_small_app(home: Path, database_url: str, **given: Any) -> Flask:
    settings = load_settings(
        _env_file=None,
        database_url=database_url,
        keys_dir=home / "keys",
        volatile_keys=str(home / "volatile"),
        **{"checkout_limit": "1000 per hour", "form_limit": "1000 per hour", **given},
    )
    app = Flask("vigil", root_path=str(ROOT), static_folder=None)
    app.jinja_loader = DictLoader(TEMPLATES)
    app.extensions["vigil_settings"] = settings
    app.extensions["vigil_form_keys"] = ["a key for tests only"]
    app.config["SECRET_KEY"] = "a key for tests only"
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    init_languages(app, settings.supported_languages)
    init_vault(app, settings)
    init_gateway(app, settings)
    for init in (init_throttle, init_headers, init_filters):
        init(app, settings)
    init_origin_check(app)
    init_errors(app)
    app.extensions["vigil_confirmations"] = (confirmation,)
    app.url_defaults(push_language)
    app.register_blueprint(donate, url_prefix="/<any(en, uk, be):language>")
    app.register_blueprint(webhooks)
    return app


@dataclass
class Desk:
    """The application on a fresh database, a stand-in for Stripe, and a donor."""

    app: Flask
    stand_in: RunningStandIn
    opener: Opener = field(repr=False)

    # What donors do

    def visitor(self, browser: str = "") -> FlaskClient:
        """Somebody new, or whoever has this browser."""
        client = self.app.test_client()
        client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
        client.environ_base["HTTP_USER_AGENT"] = browser or uuid.uuid4().hex
        return client

    def give(self, language: str = "en", **typed: str) -> TestResponse:
        return self.visitor().post(f"/{language}/donate", data=self.filled(**typed))

    def filled(self, **typed: str) -> dict[str, str]:
        with self.app.app_context():
            token = make_form_token()
        form = {"amount": "25", "currency": "EUR", "frequency": "once", "fund": "legal-help"}
        return {"form_token": token, **form, **typed}

    def start(self, language: str = "en", **typed: str) -> str:
        """Give, as far as Stripe's page; its session id."""
        response = self.give(language, **typed)
        assert response.status_code == 303, response.text
        return response.headers["Location"].rsplit("/", 1)[1]

    def pay(self, session_id: str, card: str = PAYS, **more: str) -> TestResponse:
        typed = {"email": DONOR, "name": "Canary Donor", "country": "PL"}
        typed |= {"method": "card", "card": card, "expiry": "12 / 40", "cvc": "123", **more}
        return self.at_stripe(f"/c/pay/{session_id}", typed)

    def debit(self, session_id: str, iban: str) -> TestResponse:
        return self.pay(session_id, method="sepa_debit", iban=iban)

    def at_stripe(self, path: str, typed: Mapping[str, str]) -> TestResponse:
        return self.stand_in.app.test_client().post(path, data=typed)

    def sign(self, email: str, state: str) -> None:
        """Somebody's signature, confirmed from the inbox or not."""
        with self.app.app_context():
            contact_id = add_contact(email, "en", state, NOW.date())
            petition = Petition(slug="p", campaign_slug="c", goal=1, tags=[])
            db.session.add(petition)
            db.session.flush()
            signature = Signature(
                contact_id=contact_id,
                petition_id=petition.id,
                sealed=b"",
                language="en",
                state=state,
                day=NOW.date(),
                confirm_hash=bytes(32),
            )
            db.session.add(signature)
            db.session.commit()

    def paid(self, card: str = PAYS, **typed: str) -> Donation:
        """A gift that was paid, entered in Stripe's books and told to us."""
        self.pay(self.start(**typed), card)
        self.let_pass()
        self.tell_all()
        return self.donations()[-1]

    def begun(self, card: str = PAYS, **typed: str) -> RecurringDonation:
        """A recurring donation whose first gift was paid."""
        self.paid(card, **{"frequency": "month", **typed})
        return self.recurring()

    def come_back(self, session_id: str, language: str = "en") -> TestResponse:
        path = f"/{language}/donate/thanks"
        return self.visitor().get(path, query_string={"session_id": session_id})

    # What Stripe does

    def control(self, path: str, **order: Any) -> Any:
        answer = self.stand_in.app.test_client().post(f"/_test/{path}", json=order)
        assert answer.status_code == 200, answer.text
        return answer.json

    def let_pass(self, seconds: float = 2.5) -> None:
        """Time at Stripe's."""
        self.control("clock", advance=seconds)

    def tell_all(self, *, backwards: bool = False) -> None:
        """Deliver each event that we listen to and have not heard of, until there is none left."""
        while waiting := [
            event
            for event in self.events("")
            if event["id"] not in self.event_ids() and event["type"] in LOOKS
        ]:
            for event in waiting[::-1] if backwards else waiting:
                assert self.tell(event).status_code == 200

    def at_stripes(self, kind: str) -> Json:
        """Stripe's newest object of a kind."""
        found: Json = self.stand_in.account.ledger.all(kind)[0]
        return found

    def work(self, now: datetime | None = None) -> None:
        """What the worker does with refunds and ends, and what Stripe then tells."""
        for job in (send_refunds, end_refused):
            with self.app.app_context():
                job(now or datetime.now(UTC))
        self.tell_all()

    @contextmanager
    def trouble(self, kind: Kind, count: int = 9) -> Iterator[None]:
        """Trouble for so many of our calls, at a gateway that loses patience soon."""
        faults: Faults = self.stand_in.app.extensions["faults"]
        patient = self.app.extensions["gateway"]
        init_gateway(self.app, self.app.extensions["vigil_settings"], timeout=0.4)
        faults.order(Fault(kind, count=count, seconds=0.6))
        try:
            yield
        finally:
            faults.clear()
            self.app.extensions["gateway"] = patient

    def events(self, kind: str = "checkout.session") -> list[Json]:
        """Stripe's events so far, oldest first."""
        made = self.stand_in.account.ledger.all("event")[::-1]
        return [event for event in made if event["type"].startswith(kind)]

    def tell(self, event: Json | bytes, secret: str = SECRETS[0], skew: int = 0) -> TestResponse:
        """Deliver one event as Stripe does."""
        body = event if isinstance(event, bytes) else encode(event)
        header = sign(body, [secret], int(time.time()) + skew)
        return self.post_raw(body, header)

    def post_raw(self, body: bytes, header: str) -> TestResponse:
        return self.app.test_client().post(
            "/stripe/webhook", data=body, headers={"Stripe-Signature": header}
        )

    def requests(self, method: str, path: str = "/v1/checkout/sessions") -> list[Json]:
        """What Stripe was asked."""
        log = self.stand_in.app.extensions["request_log"]
        return [
            asked for asked in log if asked["method"] == method and asked["path"].startswith(path)
        ]

    # What there is afterwards

    def rows(self, model: type[Row], *order: Any) -> list[Row]:
        with self.app.app_context():
            found = list(db.session.scalars(select(model).order_by(*order)))
            db.session.expunge_all()
            return found

    def donations(self) -> list[Donation]:
        return self.rows(Donation, Donation.created_at)

    def donation(self) -> Donation:
        (only,) = self.donations()
        return only

    def recurring(self) -> RecurringDonation:
        (only,) = self.rows(RecurringDonation)
        return only

    def refunds(self) -> list[Refund]:
        return self.rows(Refund, Refund.created_at, Refund.amount_minor)

    def disputes(self) -> list[Dispute]:
        return self.rows(Dispute)

    def lines(self) -> list[tuple[str, int, int]]:
        """Kind, gross and fee of each ledger line."""
        found = self.rows(LedgerLine, LedgerLine.kind, LedgerLine.gross_minor)
        return [(line.kind, line.gross_minor, line.fee_minor) for line in found]

    def kinds(self) -> list[str]:
        """The kinds of the mails that wait, sorted."""
        return sorted(mail.kind for mail, _to, _params in self.mails())

    def letter(self, kind: str) -> dict[str, str]:
        """The parameters of the only mail of a kind; it goes to the donor."""
        ((to, params),) = [(to, params) for mail, to, params in self.mails() if mail.kind == kind]
        assert to == DONOR
        return params

    def mails(self) -> list[tuple[OutgoingEmail, str, dict[str, str]]]:
        """Each mail with its address and parameters."""
        with self.app.app_context():
            found = list(db.session.scalars(select(OutgoingEmail)))
            db.session.expunge_all()
            key = vault().mail_key()
            return [(row, *unseal(row.id, row.blob or b"", key)) for row in found]

    def contacts(self) -> list[Contact]:
        return self.rows(Contact)

    def consents(self) -> list[Consent]:
        return self.rows(Consent)

    def event_ids(self) -> set[str]:
        with self.app.app_context():
            return set(db.session.scalars(select(StripeEvent.id)))

    def total(self, kind: str, fund: str | None = None) -> int:
        with self.app.app_context():
            return tally.total(kind, fund)

    def assert_books(self, count: int, amount_minor: int, currency: str = "EUR") -> None:
        """So many gifts of so much in all, each with one thank-you."""
        assert self.total(f"donation.count.{currency}") == count
        assert self.total(f"donation.amount.{currency}") == amount_minor
        assert self.kinds().count("thank-you") == count

    def sums(self) -> dict[str, int]:
        """Each count of the gifts and of the books in EUR that is not zero."""
        names = ("count", "amount", "offline", "refunded", "disputed")
        kinds = [f"donation.{name}.EUR" for name in names]
        kinds += [f"books.{name}.EUR" for name in ("gross", "refunded", "disputed", "fee")]
        found = {kind.removesuffix(".EUR"): self.total(kind) for kind in kinds}
        return {kind: n for kind, n in found.items() if n}


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a port of its own; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def changed(event: Json, **facts: Any) -> Json:
    """An event whose payload says something else: it must make no difference."""
    other: Json = json.loads(json.dumps(event))
    other["data"]["object"] |= facts
    return other


def errors_on(response: TestResponse) -> dict[str, str]:
    """The errors on a form that came back, by field."""
    return dict(re.findall(r"\[(\w+): (.*?)\]", response.text, re.S))


def in_parallel(*works: Any) -> list[Any]:
    """Run all at once, their results in order."""
    results: list[Any] = [None] * len(works)
    ready = threading.Barrier(len(works))

    def run(place: int, work: Any) -> None:
        ready.wait()
        results[place] = work()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results

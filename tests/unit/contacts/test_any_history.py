"""Whatever people do, in whatever order: counts are exact, no row hangs loose, nobody is kept for
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import NoResultFound

from config.database import Base, db
from contacts import tally
from contacts.confirmations import Outcome
from contacts.consents import NEWSLETTER
from contacts.erasure import erase_contact
from contacts.jobs import preview, run_retention
from contacts.merging import merge
from contacts.models import Consent, Contact
from contacts.parts import parts
from petitions.models import Petition, Signature
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.support.people import (
    CHILDREN,
    PARENTS,
    confirm,
    contact_of,
    create_sign_up,
    create_signature,
)
from volunteers.models import VolunteerSignup

PETITIONS = (CHILDREN, PARENTS)
ADDRESSES = tuple(f"person-{number}@example.org" for number in range(3))
KEPT_TABLES = {"petition", "petition_text", "campaign", "campaign_text", "consent_text"}
PERSONAL = ("outgoing_email", "consent", "signature", "volunteer_signup", "contact")


@dataclass
class Deed:
    """What the model knows of one deed."""

    token: str
    owner: str  # an address: each is one contact, while it is there
    subject: str
    at: datetime
    state: str = "pending"


@dataclass
class Life:
    """What should be, kept beside what is."""

    now: datetime = NOW
    deeds: list[Deed] = field(default_factory=list)
    became_counts: dict[str, int] = field(default_factory=dict)
    closed: dict[str, datetime] = field(default_factory=dict)

    def act(self, step: tuple[Any, ...]) -> None:
        """One step of a history."""
        getattr(self, f"do_{step[0]}")(*step[1:])
        db.session.rollback()
        self.check()

    def do_sign(self, email: str, slug: str, news: bool) -> None:
        token = create_signature(email, self.now, slug, news=news)
        self.deeds.append(Deed(token, email, slug, self.now))

    def do_signed(self, email: str, slug: str, news: bool) -> None:
        self.do_sign(email, slug, news)
        self.do_confirm(len(self.deeds) - 1)

    def do_volunteer(self, email: str) -> None:
        self.deeds.append(Deed(create_sign_up(email, self.now), email, "volunteer", self.now))

    def do_confirm(self, number: int) -> None:
        if not self.deeds:
            return
        deed = self.deeds[number % len(self.deeds)]
        is_open = deed.state == "pending" and (self.now.date() - deed.at.date()).days <= 7
        outcome = confirm(deed.token, self.now)
        assert (outcome is Outcome.CONFIRMED) is is_open
        if is_open:
            twice = deed.subject != "volunteer" and self.confirmed(deed.subject, deed.owner)
            deed.state = "repeated" if twice else "confirmed"

    def do_withdraw(self, email: str, number: int) -> None:
        contact = self.contact(email)
        entries = [e for part in parts() for e in part.entries(contact)] if contact else []
        if not entries:
            return
        entry = entries[number % len(entries)]
        part = next(part for part in parts() if entry.kind in part.kinds)
        before = self.subjects(contact)
        assert part.withdraw(entry.kind, entry.id, contact, self.now)
        db.session.commit()
        gone = before - self.subjects(contact)
        if entry.kind == "signature":
            self.deeds = [d for d in self.deeds if not (d.owner == email and {d.subject} & gone)]
        else:
            tokens = self.tokens_left()
            self.deeds = [d for d in self.deeds if d.subject != "volunteer" or d.token in tokens]

    def do_merge(self, email: str, other: str) -> None:
        gone, kept = self.contact(email), self.contact(other)
        if not gone or not kept or gone == kept:
            return
        assert merge(gone, kept, self.now)
        db.session.commit()
        for deed in (deed for deed in self.deeds if deed.owner == email):
            is_twice = deed.state == "confirmed" and deed.subject != "volunteer"
            if is_twice and self.confirmed(deed.subject, other):
                deed.state = "repeated"
        for deed in self.deeds:
            deed.owner = other if deed.owner == email else deed.owner

    def do_erase(self, email: str) -> None:
        if contact := self.contact(email):
            erase_contact(contact, self.now)
            db.session.commit()
            self.deeds = [deed for deed in self.deeds if deed.owner != email]

    def do_close(self, slug: str) -> None:
        self.closed[slug] = self.now
        values = {"closes_on": self.now.date()}
        db.session.execute(update(Petition).where(Petition.slug == slug).values(values))
        db.session.commit()

    def do_fold(self) -> None:
        tally.fold(self.now)
        db.session.commit()

    def do_wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    def do_retain(self) -> None:
        said = preview(self.now)
        self.check()
        assert run_retention(self.now) == said
        today = self.now.date()
        for slug, since in self.closed.items():
            if (today - since.date()).days > 90:
                over = len([d for d in self.deeds if d.subject == slug and d.state == "confirmed"])
                self.became_counts[slug] = self.became_counts.get(slug, 0) + over
                self.deeds = [deed for deed in self.deeds if deed.subject != slug]
        self.deeds = [
            deed
            for deed in self.deeds
            if deed.state != "pending" or (today - deed.at.date()).days <= 7
        ]
        self.check_reasons()

    def confirmed(self, subject: str, owner: str | None = None) -> int:
        """How many confirmed deeds there should be."""
        return sum(
            deed.state == "confirmed" and deed.subject == subject and owner in {None, deed.owner}
            for deed in self.deeds
        )

    def contact(self, email: str) -> Any:
        """The contact of an address, if it is there."""
        try:
            return contact_of(email)
        except NoResultFound:
            return None

    def subjects(self, contact_id: Any) -> set[str]:
        """The petitions under which a contact has signed."""
        rows = select(Petition.slug).join(Signature).where(Signature.contact_id == contact_id)
        return set(db.session.scalars(rows))

    def tokens_left(self) -> set[str]:
        """The tokens of the volunteers that are still there."""
        from contacts.services import hash_of, token_from_path

        left = set(db.session.scalars(select(VolunteerSignup.confirm_hash)))
        return {deed.token for deed in self.deeds if hash_of(token_from_path(deed.token)) in left}

    def check(self) -> None:
        """Every public count is what it should be, and no consent hangs on nothing."""
        for slug in PETITIONS:
            expected = self.confirmed(slug) + self.became_counts.get(slug, 0)
            assert tally.total("signature.confirmed", slug) == expected
            pending = sum(d.state == "pending" and d.subject == slug for d in self.deeds)
            assert tally.total("signature.pending", slug) == pending
        assert tally.total("volunteer.new") == self.confirmed("volunteer")
        assert min(tally.by_country("signature.confirmed", least=-99).values(), default=0) >= 0
        for model, subjects in ((Signature, PETITIONS), (VolunteerSignup, ("volunteer",))):
            rows = db.session.scalar(select(func.count()).select_from(model))
            assert rows == sum(deed.subject in subjects for deed in self.deeds)
        assert self.loose_consents() == 0
        db.session.rollback()

    def loose_consents(self) -> int:
        """Consents of deeds that are gone, and that were neither withdrawn nor to news."""
        taken_back = select(Consent.deed_id).where(~Consent.is_given)
        deeds = (select(Signature.id), select(VolunteerSignup.id), taken_back)
        loose = select(func.count()).where(
            *(Consent.deed_id.not_in(ids) for ids in deeds), Consent.purpose != NEWSLETTER
        )
        return db.session.scalar(loose) or 0

    def check_reasons(self) -> None:
        """After a run every contact has a deed, or wants news."""
        reasons = or_(Contact.newsletter, *(part.keeps() for part in parts()))
        assert db.session.scalar(select(func.count(Contact.id)).where(~reasons)) == 0
        db.session.rollback()


address, slug = st.sampled_from(ADDRESSES), st.sampled_from(PETITIONS)
sign = st.tuples(st.sampled_from(["sign", "signed", "signed"]), address, slug, st.booleans())
confirms = st.tuples(st.just("confirm"), st.integers(0, 9))
steps = st.one_of(
    sign,
    sign,
    confirms,
    st.tuples(st.just("volunteer"), address),
    st.tuples(st.just("withdraw"), address, st.integers(0, 3)),
    st.tuples(st.just("merge"), address, address),
    st.tuples(st.just("erase"), address),
    st.tuples(st.just("close"), slug),
    st.tuples(st.just("wait"), st.sampled_from([1, 8, 91])),
    st.tuples(st.just("retain")),
    st.tuples(st.just("fold")),
)


@pytest.fixture
def app(instance: Instance) -> Iterator[Flask]:
    """The application, which mails as often as it is asked."""
    made = instance.app(mails_per_address=20)
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


def begin_anew() -> None:
    """An installation on which nobody has done anything."""
    tables = Base.metadata.tables
    for name in (*PERSONAL, "tally", "tally_delta"):
        db.session.execute(delete(tables[name]))
    db.session.execute(update(Petition).values(closes_on=None))
    db.session.commit()


BOTH_SIGNED = [("signed", one, CHILDREN, True) for one in ADDRESSES[:2]]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(history=[*BOTH_SIGNED, ("merge", *ADDRESSES[:2]), ("withdraw", ADDRESSES[1], 0)])
@example(history=[*BOTH_SIGNED, ("close", CHILDREN), ("wait", 91), ("retain",), ("fold",)])
@given(history=st.lists(steps, min_size=3, max_size=14))
def test_counts_are_exact_in_any_history(app: Flask, history: list[tuple[Any, ...]]) -> None:
    begin_anew()
    life = Life()
    for step in [*history, ("retain",)]:
        life.act(step)

"""One form for each address, and the index under its key."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.index import blind_index, fold, normalise
from vault.services import Initialised, Vault, holder_from_recovery_code, state_of_keys

DAY = date(2026, 3, 1)
domains = st.sampled_from(["example.org", "приклад.укр", "bücher.example", "straße.example"])
locals_ = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        (" Alesia@Example.ORG ", "alesia@example.org"),
        ("alesia@example.org.", "alesia@example.org"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@bu\u0308cher.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("a@faß.example", "a@xn--fa-hia.example"),
        ("a@приклад\u3002укр", "a@xn--80aikifvh.xn--j1amh"),
        ("Леся@приклад.укр", "леся@xn--80aikifvh.xn--j1amh"),
        ("Jose\u0301@example.org", "jos\u00e9@example.org"),
        ("straße@example.org", "straße@example.org"),
        ("o.dot+tag@gmail.com", "o.dot+tag@gmail.com"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_form_of_an_address(typed: str, form: str) -> None:
    assert normalise(typed) == form


@given(st.emails())
def test_ascii_case_and_outer_spaces_do_not_matter(email: str) -> None:
    assert normalise(f" {email.upper()}\t") == normalise(email.lower())


@given(locals_, domains)
def test_form_is_stable_and_independent_of_composition(local: str, domain: str) -> None:
    form = normalise(f"{local}@{domain}")
    assert normalise(form) == form
    assert normalise(unicodedata.normalize("NFD", f"{local}@{domain}")) == form
    assert form.rpartition("@")[2].isascii()


@given(st.text(st.characters()))
def test_no_text_is_refused(text: str) -> None:
    assert len(blind_index(bytes(32), normalise(text))) == 16
    assert len(blind_index(bytes(32), fold(text))) == 16


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("A.B.C+news@GoogleMail.com", "abc@gmail.com"),
        ("a.b+x@example.org", "a.b@example.org"),
        ("+x@example.org", "+x@example.org"),
    ],
)
def test_mailbox_behind_an_address(typed: str, folded: str) -> None:
    assert fold(typed) == folded


def test_index_finds_one_person_and_needs_the_key(vault: Vault, first: Initialised) -> None:
    index = vault.email_index("Alesia@Example.org")
    assert index == vault.email_index(" alesia@example.org")
    assert index != vault.email_index("alesia+2@example.org")
    assert index == blind_index(first.opener.index_key(), "alesia@example.org")


def test_dropped_index_key_comes_back_with_a_holder(vault: Vault, first: Initialised) -> None:
    before = vault.email_index("a@example.org")
    vault.keys.drop()
    assert vault.email_index("a@example.org") is None
    assert not state_of_keys().has_index_key
    opener = vault.open_with(holder_from_recovery_code(first.recovery_code))
    assert vault.restore_index_key(opener)
    assert not vault.restore_index_key(opener)
    assert vault.email_index("a@example.org") == before


def test_planted_index_key_is_replaced(vault: Vault, first: Initialised) -> None:
    before = vault.email_index("a@example.org")
    vault.keys.put(vault.active().index_key_name, b"k" * 32)
    assert vault.email_index("a@example.org") != before
    assert vault.restore_index_key(first.opener)
    assert vault.email_index("a@example.org") == before


def test_cap_counts_a_mailbox_for_a_day(vault: Vault, first: Initialised) -> None:
    key = vault.address_cap_key("a.b+1@gmail.com", DAY)
    assert len(key) == 16
    assert key == vault.address_cap_key("AB+2@googlemail.com", DAY)
    assert key != vault.address_cap_key("a.b+1@gmail.com", DAY + timedelta(days=1))
    assert vault.daily_key("limits", DAY) != vault.daily_key("address cap", DAY)
    old = vault.daily_key("limits", DAY)
    vault.keys.drop()
    assert vault.daily_key("limits", DAY) != old

"""The recovery code: read however it was typed, and mistakes named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.codes import CROCKFORD, BadRecoveryCode, Fault, read_code, write_code

keys = st.binary(min_size=32, max_size=32)
CODE = write_code(bytes(range(32)))


def test_code_is_in_groups_of_four_without_ambiguous_letters() -> None:
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}", CODE)


@given(keys)
def test_code_gives_back_its_key(key: bytes) -> None:
    assert read_code(write_code(key)) == key


@given(keys, st.data())
def test_case_dashes_spaces_and_lookalikes_do_not_matter(key: bytes, data: st.DataObject) -> None:
    lookalikes = {"0": "0OoОо", "1": "1IiLlІі", "A": "AaАа", "C": "CcСс", "P": "PpРр", "H": "HhН"}
    typed = "".join(
        data.draw(st.sampled_from(lookalikes.get(letter, letter + letter.lower())))
        + data.draw(st.sampled_from(["", "", " ", "-", "\u2013", "\n", "\u200b", "\u2212"]))
        for letter in write_code(key).replace("-", "")
    )
    assert read_code(typed) == key


@given(keys, st.integers(0, 55), st.sampled_from(CROCKFORD))
def test_one_wrong_letter_is_called_mistyped(key: bytes, position: int, letter: str) -> None:
    letters = write_code(key).replace("-", "")
    if letters[position] == letter:
        return
    with pytest.raises(BadRecoveryCode) as caught:
        read_code(letters[:position] + letter + letters[position + 1 :])
    assert caught.value.fault is Fault.CHECKSUM


def test_swapped_groups_are_called_mistyped() -> None:
    groups = CODE.split("-")
    groups[2], groups[3] = groups[3], groups[2]
    with pytest.raises(BadRecoveryCode) as caught:
        read_code("-".join(groups))
    assert caught.value.fault is Fault.CHECKSUM


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", Fault.LENGTH),
        (CODE[:-1], Fault.LENGTH),
        (CODE + "0", Fault.LENGTH),
        (CODE.replace("-", "/"), Fault.CHARACTER),
        ("U" + CODE[1:], Fault.CHARACTER),
    ],
)
def test_what_is_no_code_says_why(typed: str, fault: Fault) -> None:
    with pytest.raises(BadRecoveryCode) as caught:
        read_code(typed)
    assert caught.value.fault is fault


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(BadRecoveryCode):
        read_code(text)

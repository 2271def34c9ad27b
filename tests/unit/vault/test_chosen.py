"""Passphrases of somebody's own choice: which are taken."""

from __future__ import annotations

import time

import pytest

from vault.services import ChosenFault, check_chosen

AVOID = ["Alena", "Vigil Foundation"]


@pytest.mark.parametrize(
    "passphrase",
    [
        "correct horse battery staple",
        "my cat likes fish on tuesdays",
        "мой кот любит рыбу по средам",
        "мій кіт любить рибу щосереди",
        "lkj3!kd92;asdkf",
        "my cat likes fish on tuesdays " + "x7" * 50,
    ],
)
def test_long_and_unlikely_one_is_taken(passphrase: str) -> None:
    assert check_chosen(passphrase, AVOID) is None


@pytest.mark.parametrize(
    ("passphrase", "fault"),
    [
        ("", ChosenFault.SHORT),
        ("gT5$kw!zq2#Lp9", ChosenFault.SHORT),
        (" " * 30 + "gT5$kw!zq2#Lp9", ChosenFault.SHORT),
        ("x7!kQ" * 60, ChosenFault.LONG),
        ("passwordpassword", ChosenFault.EASY),
        ("qwertyuiop123456", ChosenFault.EASY),
        ("1234567890123456", ChosenFault.EASY),
        ("aaaaaaaaaaaaaaaa", ChosenFault.EASY),
        ("alena vigil foundation", ChosenFault.EASY),
        ("йцукенгшщзхъфывапролд", ChosenFault.EASY),
        ("пароль" * 40, ChosenFault.EASY),
    ],
)
def test_short_long_or_likely_one_is_refused(passphrase: str, fault: ChosenFault) -> None:
    assert check_chosen(passphrase, AVOID) is fault


def test_name_of_the_person_helps_nobody_who_chooses() -> None:
    assert check_chosen("siarhiejkavalenka", []) is None
    assert check_chosen("siarhiejkavalenka", ["Siarhiej Kavalenka"]) is ChosenFault.EASY


def test_long_one_does_not_keep_the_server_busy() -> None:
    began = time.perf_counter()
    check_chosen("".join(chr(97 + n * 7 % 26) for n in range(256)), AVOID)
    assert time.perf_counter() - began < 1

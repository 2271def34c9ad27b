"""Check digits as the standards' own examples have them."""

from __future__ import annotations

import pytest

from config.check_digits import check_digits, in_fours, is_checked


@pytest.mark.parametrize(
    "text", ["RF18539007547034", "RF18000000000539007547034", "GB82WEST12345698765432"]
)
def test_known_numbers_are_right(text: str) -> None:
    assert is_checked(text)
    assert check_digits(text[:2], text[4:]) == text[2:4]


def test_every_slip_of_one_sign_and_every_swap_is_seen() -> None:
    right = "RF18539007547034"
    for place in range(4, len(right)):
        for sign in "0123456789":
            if sign != right[place]:
                assert not is_checked(right[:place] + sign + right[place + 1 :])
        swapped = right[: place - 1] + right[place] + right[place - 1] + right[place + 1 :]
        assert swapped == right or not is_checked(swapped)


@pytest.mark.parametrize(
    "text", ["", "RF", "RF18", "rf18539007547034", "RF18 5390 0754 7034", "RF18539007547034\n"]
)
def test_what_is_no_such_number_is_refused(text: str) -> None:
    assert not is_checked(text)


def test_a_small_remainder_has_two_digits_all_the_same() -> None:
    assert all(len(check_digits("RF", str(n))) == 2 for n in range(1, 500))
    assert all(is_checked(f"RF{check_digits('RF', str(n))}{n}") for n in range(1, 500))


def test_groups_of_four() -> None:
    assert in_fours("RF185390075470341") == "RF18 5390 0754 7034 1"

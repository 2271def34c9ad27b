"""Generated passphrases."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from vault.passphrases import generate_passphrase, normalise_passphrase, word_list


def test_passphrase_has_77_bits() -> None:
    words = word_list()
    assert len(set(words)) == len(words)
    assert 6 * math.log2(len(words)) > 77
    generated = {generate_passphrase() for _ in range(50)}
    assert len(generated) == 50
    assert all(len(phrase.split()) == 6 for phrase in generated)
    assert all(word in words for phrase in generated for word in phrase.split())


def test_no_word_begins_another() -> None:
    ordered = sorted(word_list())
    assert not [
        word
        for word, following in zip(ordered, ordered[1:], strict=False)
        if following.startswith(word)
    ]


@given(
    words=st.lists(st.sampled_from(word_list()), min_size=6, max_size=6),
    separators=st.lists(
        st.sampled_from([" ", "  ", "-", " - ", "\u2011", "\u00a0", "\n", "_", ""]),
        min_size=6,
        max_size=6,
    ),
    change=st.sampled_from([str.lower, str.upper, str.title]),
)
def test_case_and_separators_do_not_matter(words, separators, change) -> None:  # type: ignore[no-untyped-def]
    typed = "".join(
        change(word) + separator for word, separator in zip(words, separators, strict=True)
    )
    assert normalise_passphrase(typed) == "".join(words)

from __future__ import annotations

import pytest

from vouchers.text import list_names, truncate

pytestmark = pytest.mark.disable_socket


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Côte d'Ivoire", "Côte d'Ivoire"),
        ("a" * 60, "a" * 60),
        ("a" * 61, "a" * 60 + "…"),
        ("two\nlines\x1b[31m", "two?lines?[31m"),
        ("half a pair \ud800", "half a pair ?"),
        ("turned \u202e round", "turned ? round"),
        ("", ""),
    ],
)
def test_an_excerpt_is_short_in_one_line_and_encodable(text: str, shown: str) -> None:
    assert truncate(text) == shown
    assert truncate(text).encode().decode() == shown


@pytest.mark.parametrize(
    ("names", "shown"),
    [([], ""), (["a", "b\n"], "a, b?"), (["a", "b", "c"], "a, b and 1 more")],
)
def test_names_are_listed_up_to_a_number(names: list[str], shown: str) -> None:
    assert list_names(names, 2) == shown


def test_names_are_listed_in_the_given_form() -> None:
    assert list_names(["a", "b"], 1, str.upper) == "A and 1 more"

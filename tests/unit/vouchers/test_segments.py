from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vouchers.segments import Attribute, DefinitionsError, Range, load_definitions

if TYPE_CHECKING:
    from pathlib import Path

GOOD = '[a]\nattribute = "total_orders"\nranges = [[0, 4], [5, 13]]\n'


def test_the_default_definitions_are_those_of_the_original() -> None:
    recency, frequent = load_definitions().segments
    assert (recency.name, recency.attribute) == ("recency_segment", Attribute.DAYS_SINCE_LAST_ORDER)
    assert [(r.min, r.max) for r in recency.ranges] == [
        (30, 60),
        (61, 90),
        (91, 120),
        (121, 179),
        (180, 99999999),
    ]
    assert (frequent.name, frequent.attribute) == ("frequent_segment", Attribute.TOTAL_ORDERS)
    assert [(r.min, r.max) for r in frequent.ranges] == [(0, 4), (5, 13), (14, 37), (38, 99999999)]


@pytest.mark.parametrize(
    ("value", "range_"),
    [
        (29, None),
        (30, Range(30, 60)),
        (60, Range(30, 60)),
        (60.5, None),
        (61, Range(61, 90)),
        (99999999, Range(180, 99999999)),
        (100000000, None),
        (float("nan"), None),
    ],
)
def test_a_range_is_inclusive_at_both_ends(value: float, range_: Range | None) -> None:
    assert load_definitions().segment("recency_segment").range_of(value) == range_


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "segments.toml defines no segment; add one, such as [recency_segment]"),
        ("[a", "segments.toml cannot be read: "),
        (
            "a = 1",
            "a must be a table with 'attribute', 'ranges' and, optionally, 'countries', and nothing else",
        ),
        (
            GOOD + "x = 1",
            "a must be a table with 'attribute', 'ranges' and, optionally, 'countries', and nothing",
        ),
        (GOOD + "countries = 1", "a: 'countries' must be a table of ranges by country"),
        (GOOD + "countries.Peru = [[0, 4], [4, 5]]", "a in Peru: ranges [0, 4] and [4, 5] overlap"),
        (GOOD + "countries.Peru = []", "a in Peru: 'ranges' must be a list of [min, max]"),
        (
            GOOD + "countries.Peru = [[0, 4]]\ncountries.PERU = [[0, 5]]",
            "a: the country 'PERU' is defined twice, in different spellings",
        ),
        (GOOD + 'countries." " = [[0, 4]]', "a: a country's name is blank"),
        (GOOD.replace("[a]", '["a#b"]'), "'a#b' cannot name a segment"),
        (GOOD.replace("total_orders", "age"), "a: unknown attribute 'age'; known are: days_since_last_order"),
        (GOOD.replace("[[0, 4], [5, 13]]", "[]"), "a: 'ranges' must be a list of [min, max]"),
        (GOOD.replace("[5, 13]", "[4, 13]"), "a: ranges [0, 4] and [4, 13] overlap"),
        (GOOD.replace("[5, 13]", "[13, 5]"), "a: range [13, 5] is empty or below 0"),
        (GOOD.replace("[0, 4]", "[-1, 4]"), "a: range [-1, 4] is empty or below 0"),
        (GOOD.replace("[0, 4]", "[0.5, 4]"), "a: [0.5, 4] is not a range; write [min, max] in whole numbers"),
        (GOOD.replace("[0, 4]", "[true, 4]"), "a: [True, 4] is not a range"),
        (GOOD.replace("[0, 4]", "[0]"), "a: [0] is not a range"),
        (GOOD.replace("[0, 4]", "[0, 10000000000000000]"), "a: range [0, 10000000000000000] ends beyond"),
    ],
)
def test_definitions_that_cannot_be_used_are_refused_in_one_sentence(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(text)
    with pytest.raises(DefinitionsError) as refused:
        load_definitions(file)
    assert str(refused.value).startswith(complaint)
    assert "\n" not in str(refused.value)


def test_the_version_changes_with_what_is_counted_and_with_nothing_else(tmp_path: Path) -> None:
    def version(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return load_definitions(tmp_path / name).version

    other = '\n[b]\nattribute = "total_orders"\nranges = [[0, 1]]\n'
    assert version("1", GOOD + other) == version("2", other + "# a comment\n" + GOOD)
    peru = GOOD + "countries.Peru = [[0, 5]]\n"
    changes = [GOOD, GOOD.replace("13", "14"), GOOD.replace("[a]", "[b]"), GOOD + other, peru]
    changes += [peru.replace("Peru", "Chile"), peru.replace("[0, 5]]", "[0, 6]]")]
    assert len({version(f"changed {i}", text) for i, text in enumerate(changes)}) == len(changes)


def test_a_country_has_its_own_ranges_however_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(GOOD + "countries.Peru = [[1, 2]]\n")
    segment = load_definitions(file).segment("a")
    assert segment.in_country(" PERU ").ranges == (Range(1, 2),)
    assert segment.in_country("Chile").ranges == (Range(0, 4), Range(5, 13))
    assert segment.all_ranges == (Range(0, 4), Range(1, 2), Range(5, 13))


def test_the_version_of_the_default_definitions_is_the_recorded_one() -> None:
    assert load_definitions().version == "206f16a74bf2"

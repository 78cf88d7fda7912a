from __future__ import annotations

import tempfile
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchers.segments import Attribute, CountrySettings, DefinitionsError, Range, load_definitions

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
        (
            "[defaults]\nminimum_uses = 1",
            "segments.toml defines no segment; add one, such as [recency_segment]",
        ),
        (
            GOOD + "[defaults]\nminimum = 1",
            "defaults: unknown key 'minimum'; known are: minimum_uses, amounts, currency",
        ),
        (GOOD.replace("[a]", "[defaults]"), "defaults: unknown key 'attribute'; known are: minimum_uses,"),
        ("defaults = 1\n" + GOOD, "defaults must be a table of settings, such as 'minimum_uses = 30'"),
        (
            "countries = 1\n" + GOOD,
            "countries must contain a table for each country, such as [countries.Peru]",
        ),
        (GOOD + "[countries]\nPeru = 1", "countries.Peru must be a table of settings, such as"),
        (GOOD + '[countries." "]', "countries: a country's name is blank"),
        (GOOD + "[countries.Peru]\n[countries.PERU]", "countries: the country 'PERU' is defined twice, in"),
        (
            GOOD + "[countries.Peru]\nx = 1",
            "countries.Peru: unknown key 'x'; known are: minimum_uses, amounts,",
        ),
        *(
            (
                GOOD + f"[defaults]\nminimum_uses = {value}",
                "defaults: 'minimum_uses' must be a whole number from 1",
            )
            for value in ("0", "1.5", "true", '"30"')
        ),
        *(
            (
                GOOD + f"[countries.Peru]\namounts = {value}",
                "countries.Peru: 'amounts' must be a list of amounts, ",
            )
            for value in ("[]", "{}", "2640", '"2640"', "{ low = 1 }", "{ min = 1, low = 1 }")
        ),
        *(
            (
                GOOD + f"[defaults]\namounts = [{value}]",
                f"defaults: {shown} is not an amount; write a number above 0",
            )
            for value, shown in (
                ("0", "0"),
                ("1, -2.5", "-2.5"),
                ("nan", "nan"),
                ("inf", "inf"),
                ("true", "True"),
            )
        ),
        (
            GOOD + f"[defaults]\namounts = [1{'0' * 400}]",
            f"defaults: 1{'0' * 59}… is not an amount; write a number",
        ),
        *(
            (
                GOOD + f"[defaults]\namounts = {{ {bound} = {value} }}",
                f"defaults: {shown} is not an amount; write",
            )
            for bound in ("min", "max")
            for value, shown in (("-1", "-1"), ("nan", "nan"), ('"5"', "'5'"), ("true", "True"))
        ),
        (GOOD + "[defaults]\namounts = { min = 5, max = 4.5 }", "defaults: no amount is from 5 to 4.5"),
        (GOOD + "[defaults]\namounts = { max = 0 }", "defaults: 0 is not an amount; write a number above 0"),
        *(
            (
                GOOD + f"[defaults]\ncurrency = {value}",
                "defaults: 'currency' must be a code of ISO 4217, such as",
            )
            for value in ('"pen"', '"SOL."', '"PE"', "1", '"ÄÖÜ"')
        ),
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


def test_no_setting_is_set_by_default() -> None:
    assert load_definitions().settings("Peru") == CountrySettings()
    assert CountrySettings() == CountrySettings(minimum_uses=1, amounts=None, currency=None)


SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "minimum_uses": ("minimum_uses = 30", {"minimum_uses": 30}),
    "list": ("amounts = [3520, 2640.5, 3520]", {"amounts": frozenset({2640.5, 3520.0})}),
    "min": ("amounts = { min = 10 }", {"min_amount": 10.0}),
    "max": ("amounts = { max = 20.5 }", {"max_amount": 20.5}),
    "both": ("amounts = { min = 10, max = 10 }", {"min_amount": 10.0, "max_amount": 10.0}),
    "currency": ('currency = "PEN"', {"currency": "PEN"}),
}


def settings_of(chosen: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the lines of a table with settings, at most one per key, and the fields that they set."""
    by_key = {SETTINGS[name][0].partition(" ")[0]: SETTINGS[name] for name in chosen}
    fields: dict[str, Any] = {}
    for _, own in by_key.values():
        fields |= own
    return "".join(f"{line}\n" for line, _ in by_key.values()), fields


CHOSEN = st.lists(st.sampled_from([*SETTINGS]), unique=True)


@given(CHOSEN, CHOSEN)
def test_settings_change_no_version_and_hold_by_key(general: list[str], own: list[str]) -> None:
    (lines, fields), (own_lines, own_fields) = settings_of(general), settings_of(own)
    with tempfile.TemporaryDirectory() as folder:
        plain, guarded = Path(folder) / "plain.toml", Path(folder) / "guarded.toml"
        plain.write_text(GOOD)
        settings = f'[defaults]\n{lines}[countries."Perú"]\n{own_lines}'
        guarded.write_text(GOOD + settings, encoding="utf-8")
        before, after = load_definitions(plain), load_definitions(guarded)
    assert (after.version, after.segments) == (before.version, before.segments)
    assert after.settings("Chile") == CountrySettings(**fields)
    if {"amounts", "min_amount", "max_amount"} & own_fields.keys():
        fields = {name: value for name, value in fields.items() if "amount" not in name}
    assert after.settings(" PERU\u0301 ") == CountrySettings(**{**fields, **own_fields})


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        (CountrySettings(), [0.5, 1.0, 2.0, 3.0]),
        (CountrySettings(amounts=frozenset({1.0, 3.0})), [1.0, 3.0]),
        (CountrySettings(min_amount=1.0), [1.0, 2.0, 3.0]),
        (CountrySettings(min_amount=1.0, max_amount=2.0), [1.0, 2.0]),
        (CountrySettings(max_amount=inf), [0.5, 1.0, 2.0, 3.0]),
    ],
)
def test_bounds_of_amounts_are_inclusive(settings: CountrySettings, allowed: list[float]) -> None:
    assert [amount for amount in (0.0, 0.5, 1.0, 2.0, 3.0) if settings.allow(amount)] == allowed


def test_the_version_of_the_default_definitions_is_the_recorded_one() -> None:
    assert load_definitions().version == "206f16a74bf2"

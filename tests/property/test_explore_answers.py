"""The page's answers and counts agree with the oracle."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting.as_of import AsOf
from tests.support import oracle
from tests.support.sample_files import file_of
from voucher_selector.explore import answers, scenarios
from voucher_selector.explore.sources import File
from vouchers.counts import NO_SETTINGS, amount_name
from vouchers.segments import CountrySettings, load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sample_files import Rows

DATE = datetime(2020, 7, 1, tzinfo=UTC)
UPLOADED = datetime(2020, 8, 9, 10, 11, tzinfo=UTC)
AMOUNTS = {"0": 0.0, "2640": 2640.0, "12.5": 12.5, "4400": 4400.0}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "country_code": st.sampled_from(["Peru", " peru ", "PERU", "Chile", None]),
            "last_order_ts": st.sampled_from(
                ["2020-05-20", "2020-04-10", "2018-01-01", "2021-01-01", "x", None]
            ),
            "timestamp": st.sampled_from(["2020-06-25", "2020-07-01", "2016-01-01", "x", None]),
            "total_orders": st.sampled_from(["0", "4.5", "7", "40", "", "-1", None]),
            "voucher_amount": st.sampled_from([*AMOUNTS.values(), -1.0, None]),
        }
    ),
    max_size=30,
)


@contextmanager
def file(content: Rows, as_of: AsOf) -> Iterator[File]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "uses.parquet"
        path.write_bytes(file_of(content))
        yield File(str(path), path.stat().st_size, UPLOADED, as_of)


@given(ROWS, st.just(NO_SETTINGS) | st.builds(CountrySettings, st.integers(1, 5), max_amount=st.just(2640.0)))
def test_answers_are_the_most_used_amounts_of_each_range(content: Rows, guards: CountrySettings) -> None:
    guarded = replace(load_definitions(), countries=(("peru", guards),))
    with file(content, AsOf("date", DATE)) as given_file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "load_definitions", lambda: guarded)
        reported: Any = answers.answers_by_range(
            scenarios.count_scenario(given_file, given_file.as_of).counted
        )
    cells = oracle.count(content, DATE).cells

    assert {(r.country.casefold(), cell_of(r.segment, r.range)) for r in reported.itertuples()} == {
        (country, f"{segment}#{low}-{high}")
        for country in {country for country, _ in cells}
        for segment, (_, ranges, *_) in oracle.SEGMENTS.items()
        for low, high in ranges
    }
    for row in reported.itertuples():
        uses = cells.get((row.country.casefold(), cell_of(row.segment, row.range)), Counter())
        used = {amount: n for amount, n in uses.items() if amount != "0"}
        of_country = guards if row.country.casefold() == "peru" else NO_SETTINGS
        best = [amount_name(a) for a in oracle.choose([*map(float, uses.elements())], of_country)[0]]
        assert row.answer == (" or ".join(best) or "none")
        assert row.uses == sum(uses.values())
        if best:
            assert row.share == used[best[0]] / row.uses
            assert row.low <= row.share <= row.high
        else:
            assert pd.isna(row.share)


@given(ROWS)
def test_ranges_and_unsegmented_rows_are_all_counted_rows(content: Rows) -> None:
    with file(content, AsOf("date", DATE)) as given_file:
        seen = scenarios.count_scenarios(
            given_file, pd.DataFrame(content, columns=["last_order_ts", "timestamp"])
        )
    reported: Any = answers.uses_by_range(seen)

    assert [*reported.columns] == ["date 2020-07-01", "upload 2020-08-09", "row"]
    for choice, moment in zip(reported.columns, (DATE, UPLOADED, None), strict=True):
        expected = oracle.count(content, moment)
        filled: Counter[str] = Counter()
        for (_, cell), counters in expected.cells.items():
            filled[cell] += sum(counters.values())
        for (segment, name), uses in reported[choice].items():
            in_none = expected.unsegmented[segment]
            assert uses == (in_none if name == answers.NO_RANGE else filled[cell_of(segment, name)])


@given(ROWS)
def test_what_became_of_the_rows_is_what_the_rules_say(content: Rows) -> None:
    with file(content, AsOf("row")) as given_file:
        view = scenarios.count_scenario(given_file, given_file.as_of)
    rejected: Any = view.rejected
    expected = oracle.count(content, None)
    reported = answers.row_outcomes(view.counted.report).set_index("rows")["how many"]

    assert reported["all"] == len(content)
    assert reported["counted"] == expected.counted
    assert reported["no number of orders"] == expected.repaired["total_orders_empty"]
    assert reported["no voucher amount"] == expected.repaired["voucher_amount_null"]
    assert {name: reported[name] for name in expected.rejected} == expected.rejected
    assert [*reported.index[reported.index.isin(expected.rejected)]] == [
        *reported.index[len(reported) - len(expected.rejected) :]
    ]
    assert Counter(rejected["reason"]) == {name: min(n, 3) for name, n in expected.rejected.items()}
    for row in rejected.itertuples():
        assert oracle.count([content[row.row]], None).rejected == {row.reason: 1}


@given(ROWS)
def test_countries_are_all_counted_rows_by_their_most_frequent_spelling(content: Rows) -> None:
    with file(content, AsOf("upload")) as given_file:
        reported = answers.uses_by_country(scenarios.count_scenario(given_file, given_file.as_of).counted)
    spellings = {
        c: n for (c, cell), n in oracle.count(content, UPLOADED).cells.items() if cell == "#spellings"
    }

    assert {
        name.casefold(): uses for name, uses in zip(reported["country"], reported["uses"], strict=True)
    } == {country: sum(names.values()) for country, names in spellings.items()}
    assert all(
        spellings[c.casefold()][c] == max(spellings[c.casefold()].values()) for c in reported["country"]
    )
    assert reported["uses"].is_monotonic_decreasing


def cell_of(segment: str, name: str) -> str:
    low, _, high = name.replace(",", "").replace("+", "\N{EN DASH}99999999").partition("\N{EN DASH}")
    return f"{segment}#{low}-{high}"

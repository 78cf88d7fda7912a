"""The backtest agrees with a slow, obvious one, and its interval contains the true gain."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.parquet.column_names import ColumnRule
from ingest.parquet.reader import Part, Selection
from tests.support import oracle
from tests.support.backtest import backtest
from tests.support.stack_harness import parquet
from tests.support.strategies import (
    GUARDS,
    LAYOUTS,
    MOMENTS,
    SEGMENTS,
    TABLES,
    definitions,
    plain_rows,
    table_of,
)
from voucher_selector.dated_uses import UseCounter, build_uses, flatten_uses
from voucher_selector.operations.evaluate import evaluate, gain_interval
from voucher_selector.operations.use_files import UseFile, read_uses
from vouchers.counts import NO_SETTINGS
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from vouchers.segments import CountrySettings, Definitions

UNTIL = datetime(2018, 7, 1, tzinfo=UTC)
UNTILS = MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))
EARLIER = st.none() | st.timedeltas(timedelta(0), timedelta(200))
SEEDS = range(100)


def evaluated(
    *bodies: bytes, until: datetime, as_of: datetime | None = None, segments: Definitions | None = None
) -> dict[str, Any]:
    return evaluate(read_uses(use_files(bodies), segments or load_definitions(), until, as_of))


def use_files(bodies: Iterable[bytes]) -> list[UseFile]:
    return [UseFile("file", partial(io.BytesIO, body), ColumnRule()) for body in bodies]


CLEAN_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["Peru", "Chile"]),
        st.datetimes(datetime(2019, 9, 1), datetime(2020, 3, 1)),  # noqa: DTZ001 - the column adds the zone
        st.none(),
        MOMENTS,
        st.sampled_from([2, 8, 20, 50]),
        st.sampled_from([None, 1.0, 1.0, 2.0, 2.0, 3.0]),
    ),
    min_size=20,
    max_size=60,
)
KINDS = (pa.string(), *[pa.timestamp("us")] * 3, pa.int64(), pa.float64())
CLEAN_TABLES = CLEAN_ROWS.map(
    lambda rows: table_of(len(rows), *zip(KINDS, map(list, zip(*rows, strict=True)), strict=True))
)


@given(
    st.lists(TABLES | CLEAN_TABLES, max_size=4),
    SEGMENTS.map(definitions) | st.just(load_definitions()),
    UNTILS,
    EARLIER,
    st.randoms(),
)
@settings(max_examples=60)
def test_the_sums_of_pieces_are_evaluated_as_the_whole(
    tables: list[pa.Table], segments: Definitions, until: datetime, earlier: timedelta | None, random: Random
) -> None:
    as_of = None if earlier is None else until - earlier
    files = [parquet(table, row_group_size=7) for table in tables]
    parts = [(file, Part(number, 3)) for file in files for number in range(3)]
    random.shuffle(parts)

    sums: Counter[tuple[Any, ...]] = Counter()
    for body, part in parts:
        counter = UseCounter(segments, until, as_of)
        counter.read(io.BytesIO(body), Selection(part=part))
        sums.update(dict(flatten_uses(counter.uses())))
    stored = json.loads(json.dumps([*sums.items()]))
    built = build_uses(stored, segments)

    whole = read_uses(use_files(files), segments, until, as_of)
    assert evaluate(built) == evaluate(whole)
    assert Counter(dict(flatten_uses(built))) == Counter(dict(flatten_uses(whole))) == sums


@given(
    TABLES | CLEAN_TABLES,
    LAYOUTS,
    st.just(oracle.SEGMENTS) | SEGMENTS,
    st.just(NO_SETTINGS) | GUARDS,
    UNTILS,
    EARLIER,
    st.integers(0, 60),
)
@settings(max_examples=400)
def test_every_number_is_that_of_a_backtest_row_by_row(
    table: pa.Table,
    layout: Any,
    segments: Any,
    guards: CountrySettings,
    until: datetime,
    earlier: timedelta | None,
    cut: int,
) -> None:
    as_of = None if earlier is None else until - earlier
    expected = backtest(plain_rows(table), until, as_of, segments, guards)
    parts = [table[:cut], table[cut:]]  # several files are one evaluation

    got = evaluated(
        *(parquet(part, **layout) for part in parts),
        until=until,
        as_of=as_of,
        segments=replace(definitions(segments), defaults=guards),
    )

    assert {name: got[name] for name in expected["numbers"]} == dict(expected["numbers"])
    judged = {}
    for found in got["results"]:
        country, name, uses = found["country"].casefold(), found["segment_name"], found["uses"]
        judged[country, name] = {
            "uses": uses,
            "hits": found["hits"],
            "gained - lost": round(found["gain_points"] * uses / 100),
            **{f"by {by}": round(rate * uses) for by, rate in found["baselines"].items()},
        }
        assert found["hit_rate"] == found["hits"] / uses
        assert found["gain_interval"][0] <= found["gain_points"] <= found["gain_interval"][1]
        for part in found["ranges"]:
            key = country, f"{name}#{part['min']}-{part['max']}"
            assert part["voucher_amount"][:1] == [a for a in [expected["chosen"].get(key)] if a is not None]
            of_range = expected["by_range"].get(key, {"uses": 0, "hits": 0})
            assert (part["uses"], part["hits"]) == (of_range["uses"], of_range["hits"])
    assert judged == {
        group: {
            "gained - lost": tally["gained"] - tally["lost"],
            **{name: int(tally[name]) for name in tally if name not in {"gained", "lost"}},
        }
        for group, tally in expected["results"].items()
    }


@given(TABLES, UNTILS, EARLIER, st.data())
@settings(max_examples=100)
def test_no_choice_depends_on_what_happens_later(
    table: pa.Table, until: datetime, earlier: timedelta | None, data: st.DataObject
) -> None:
    def is_early(row: dict[str, Any]) -> bool:
        try:
            used = oracle.instant(row["timestamp"], "timestamp")
        except oracle.Reject:
            return True
        return used is None or used < until

    early = [is_early(row) for row in plain_rows(table)]
    kept = [is_so or data.draw(st.booleans()) for is_so in early]
    assume(not all(kept))
    as_of = None if earlier is None else until - earlier

    both = [evaluated(parquet(t), until=until, as_of=as_of) for t in (table, table.filter(pa.array(kept)))]

    choices = [
        {
            (found["country"].casefold(), found["segment_name"], part["min"]): part["voucher_amount"]
            for found in result["results"]
            for part in found["ranges"]
        }
        for result in both
    ]
    assert choices[1].items() <= choices[0].items()


AMOUNTS = np.array([1000.0, 2000.0, 3000.0])
ORDERS = np.array([2, 8, 20, 50])
"""A number of orders in each range of frequency."""
LIKE_EACH_OTHER = [[0.5, 0.3, 0.2]] * 4
UNLIKE = [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.2, 0.3, 0.5]]
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])


def generated(seed: int, shares: list[list[float]], rows: int = 4_000) -> bytes:
    """Return uses of June and July, whose amounts depend on the range of frequency by ``shares``."""
    rng = np.random.default_rng(seed)
    range_ = rng.choice(4, rows, p=WEIGHTS)
    amount = (rng.random(rows)[:, None] > np.cumsum(shares, axis=1)[range_]).sum(axis=1)
    used = np.datetime64("2018-06-01") + rng.integers(0, 61 * 86_400, rows).astype("timedelta64[s]")
    return parquet(
        pa.table(
            {
                "country_code": ["Peru"] * rows,
                "timestamp": used,
                "last_order_ts": used - rng.integers(30, 200, rows).astype("timedelta64[D]"),
                "total_orders": ORDERS[range_],
                "voucher_amount": AMOUNTS[amount],
            }
        )
    )


@pytest.mark.parametrize(("shares", "gain"), [(LIKE_EACH_OTHER, 0.0), (UNLIKE, 7.0)], ids=["none", "planted"])
def test_the_interval_has_the_true_gain(shares: list[list[float]], gain: float) -> None:
    by_range = WEIGHTS @ np.max(shares, axis=1)
    assert 100 * (by_range - np.max(WEIGHTS @ shares)) == pytest.approx(gain)
    covered = {"frequent_segment": 0, "recency_segment": 0}
    seen = []
    for seed in SEEDS:
        for found in evaluated(generated(seed, shares), until=UNTIL)["results"]:
            name, (low, high) = found["segment_name"], found["gain_interval"]
            covered[name] += low <= (gain if name == "frequent_segment" else 0.0) <= high
            seen.append(found["gain_points"]) if name == "frequent_segment" else None
    assert min(covered.values()) >= 95
    assert len(seen) == len(SEEDS)
    assert np.mean(seen) == pytest.approx(gain, abs=0.3)
    assert seen == [0.0] * 100 or gain


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_interval_has_the_measured_gain_and_narrows_with_the_uses(
    gained: int, lost: int, others: int
) -> None:
    uses = gained + lost + others
    assume(uses)
    low, high = gain_interval(gained, lost, uses)
    assert -100 <= low <= 100 * (gained - lost) / uses <= high <= 100
    assert gain_interval(lost, gained, uses) == pytest.approx((-high, -low))
    wide = gain_interval(gained, lost, uses + 1)
    assert wide[1] - wide[0] <= 100 * 2 * 2.58 * ((gained + lost + 1) ** 0.5) / (uses + 2)

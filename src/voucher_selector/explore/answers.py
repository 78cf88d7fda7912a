"""Data frames of a counted file: outcomes of rows, uses by country and range, and answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from api.statistics import sample_size, wilson
from voucher_selector.explore.scenarios import Scenario
from vouchers.counts import SPELLINGS, amount_name, choose, range_cell
from vouchers.report import Report
from vouchers.segments import Range, load_definitions

if TYPE_CHECKING:
    from ingest.counting.count_file import Counted

NO_RANGE, NO_ANSWER = "in none", "none"
ENDLESS = 10**6
"""Ranges that end here or later are written without an end."""

REPAIRED = {
    "total_orders_empty": ("no number of orders", "repaired: counts as 0 orders"),
    "voucher_amount_null": ("no voucher amount", "repaired: counts as amount 0, which is never chosen"),
}


def row_outcomes(report: Report) -> pd.DataFrame:
    """Return the numbers of a report: rows that were counted, repaired, unsegmented and rejected."""
    outcomes: list[tuple[str, int, str]] = [("all", report.rows, ""), ("counted", report.counted, "")]
    outcomes += [(REPAIRED[name][0], rows, REPAIRED[name][1]) for name, rows in report.repaired.items()]
    for name, segment in report.segments.items():
        meaning = "unsegmented: counts in the other segments"
        outcomes.append((f"in no range of {name}", segment.unsegmented, meaning))
    outcomes.append(("rejected", report.rejected, "not counted, and stored with the reason"))
    outcomes += [(reason, rows, "rejected") for reason, rows in report.rejected_by_reason.items()]
    frame = pd.DataFrame(outcomes, columns=["rows", "how many", "meaning"])
    frame.insert(2, "share", frame["how many"] / max(report.rows, 1))
    return frame


def uses_by_country(counted: Counted) -> pd.DataFrame:
    """Return the counted rows of each country by its most frequent spelling, the largest country first."""
    uses: list[tuple[str, int]] = []
    for cell, spellings in counted.contribution.items():
        if cell.name == SPELLINGS:
            _, name = min((-rows, name) for name, rows in spellings.items())
            uses.append((name, sum(spellings.values())))
    uses.sort(key=lambda country: (-country[1], country[0]))
    frame = pd.DataFrame(uses, columns=["country", "uses"])
    return frame.assign(share=frame["uses"] / max(counted.report.counted, 1))


def uses_by_range(scenarios: Sequence[Scenario]) -> pd.DataFrame:
    """Return the uses of each range in all countries, and those in no range; one column a scenario."""
    columns = {}
    for scenario in scenarios:
        totals = Counter[str]()
        for cell, counters in scenario.counted.contribution.items():
            totals[cell.name] += sum(counters.values())
        uses = {}
        for segment in load_definitions().segments:
            for range_ in segment.all_ranges:
                name = range_cell("", segment.name, range_).name
                uses[segment.name, format_range(range_)] = totals[name]
            uses[segment.name, NO_RANGE] = scenario.counted.report.segments[segment.name].unsegmented
        columns[scenario.name] = pd.Series(uses)
    return pd.DataFrame(columns).rename_axis(["segment", "range"])


def answers_by_range(counted: Counted) -> pd.DataFrame:
    """Return the answer for each country, segment and range, and how certain it is.

    ``share`` is the share of the amount among all ``uses`` of the range, with and without a voucher. It
    lies between ``low`` and ``high`` with 95 % confidence. All three are NaN where there is no answer.
    """
    rows: list[dict[str, Any]] = []
    definitions = load_definitions()
    for country in uses_by_country(counted)["country"]:
        for segment in definitions.segments:
            for range_ in segment.in_country(country).ranges:
                cell = counted.contribution.get(range_cell(country, segment.name, range_), {})
                counts = {float(name): uses for name, uses in cell.items()}
                amounts, size = choose(counts, definitions.settings(country)).amounts, sample_size(counts)
                answer = " or ".join(map(amount_name, amounts)) or NO_ANSWER
                row = {"country": country, "segment": segment.name, "range": format_range(range_)}
                row |= {"answer": answer, "uses": size}
                if amounts:
                    interval = wilson(counts[amounts[0]], size)
                    row |= {"share": counts[amounts[0]] / size, "low": interval.low, "high": interval.high}
                rows.append(row)
    names = ["country", "segment", "range", "answer", "uses", "share", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def answer_differences(scenarios: Sequence[Scenario]) -> pd.DataFrame:
    """Return the answers that differ between scenarios, one column a scenario."""
    keys = ["country", "segment", "range"]
    frame = pd.DataFrame({s.name: answers_by_range(s.counted).set_index(keys)["answer"] for s in scenarios})
    return frame[frame.ne(frame.iloc[:, 0], axis=0).any(axis=1)]


def format_range(range_: Range) -> str:
    """Return a range as text, such as ``38+``."""
    return f"{range_.min:,}+" if range_.max >= ENDLESS else f"{range_.min:,}\N{EN DASH}{range_.max:,}"

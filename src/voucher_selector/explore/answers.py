"""Frames of what a file's counts say: what became of its rows, how ranges fill, what the answers would be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from api.statistics import sample_size, wilson
from vouchers.counts import SPELLINGS, amount_name, most_used, range_cell
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.counting.count_file import Counted
    from voucher_selector.explore.views import View
    from vouchers.report import Report
    from vouchers.segments import Range, Segment

NO_RANGE, NO_ANSWER = "in none", "none"
ENDLESS = 10**6
"""A range that ends here or later is written as one without an end."""

REPAIRED = {
    "total_orders_empty": ("no number of orders", "repaired: counts as 0 orders"),
    "voucher_amount_null": ("no voucher amount", "repaired: counts as amount 0, which is never chosen"),
}


def became(report: Report) -> pd.DataFrame:
    """Return what became of the rows, as the report on them has it."""
    found: list[tuple[str, int, str]] = [("all", report.rows, ""), ("counted", report.counted, "")]
    found += [(REPAIRED[name][0], rows, REPAIRED[name][1]) for name, rows in report.repaired.items()]
    for name, segment in report.segments.items():
        found.append(
            (f"in no range of {name}", segment.unsegmented, "unsegmented: counts in the other segments")
        )
    found.append(("rejected", report.rejected, "counts for nothing, and is kept aside"))
    found += [(reason, rows, "rejected") for reason, rows in report.rejected_by_reason.items()]
    names, rows, fate = zip(*found, strict=True)
    share = [each / max(report.rows, 1) for each in rows]
    return pd.DataFrame({"rows": names, "how many": rows, "share": share, "what becomes of them": fate})


def countries(counted: Counted) -> pd.DataFrame:
    """Return how many counted rows each country has, the largest first, named as it is written most often."""
    found: list[tuple[str, int]] = []
    for cell, spellings in counted.contribution.items():
        if cell.name == SPELLINGS:
            _, name = min((-rows, name) for name, rows in spellings.items())
            found.append((name, sum(spellings.values())))
    found.sort(key=lambda each: (-each[1], each[0]))
    frame = pd.DataFrame(found, columns=["country", "uses"])
    return frame.assign(share=frame["uses"] / max(counted.report.counted, 1))


def filled(views: Sequence[View]) -> pd.DataFrame:
    """Return how many uses of all countries each range has, one column a view; the last is those in none."""
    found: dict[str, dict[tuple[str, str], int]] = {
        view.choice: dict(_filled(view.counted)) for view in views
    }
    index = pd.MultiIndex.from_tuples(next(iter(found.values())), names=["segment", "range"])
    return pd.DataFrame({choice: [*uses.values()] for choice, uses in found.items()}, index=index)


def answers(counted: Counted) -> pd.DataFrame:
    """Return which amount customers of each country, segment and range would get, and how sure that is.

    ``share`` is that of the amount among all ``uses`` of the range, those without a voucher included, and
    lies between ``low`` and ``high`` with 95 % confidence; NaN where there is no answer.
    """
    rows = [
        {
            "country": country,
            "segment": segment.name,
            "range": written(held),
            **_answer(counted, country, segment, held),
        }
        for country in countries(counted)["country"]
        for segment in (each.in_country(country) for each in load_definitions().segments)
        for held in segment.ranges
    ]
    names = ["country", "segment", "range", "answer", "uses", "share", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def compared(views: Sequence[View]) -> pd.DataFrame:
    """Return the answers that are not the same in all views, one column a view."""
    keys = ["country", "segment", "range"]
    held = {view.choice: answers(view.counted).set_index(keys)["answer"] for view in views}
    frame = pd.DataFrame(held)
    return frame[frame.ne(frame.iloc[:, 0], axis=0).any(axis=1)]


def written(held: Range) -> str:
    """Return a range as a person writes it."""
    return f"{held.min:,}+" if held.max >= ENDLESS else f"{held.min:,}\N{EN DASH}{held.max:,}"


def _filled(counted: Counted) -> Iterator[tuple[tuple[str, str], int]]:
    for segment in load_definitions().segments:
        uses = Counter[str]()
        for cell, counters in counted.contribution.items():
            uses[cell.name] += sum(counters.values())
        for held in segment.all_ranges:
            yield (segment.name, written(held)), uses[range_cell("", segment.name, held).name]
        yield (segment.name, NO_RANGE), counted.report.segments[segment.name].unsegmented


def _answer(counted: Counted, country: str, segment: Segment, held: Range) -> dict[str, Any]:
    cell = counted.contribution.get(range_cell(country, segment.name, held), {})
    counts = {float(name): uses for name, uses in cell.items()}
    amounts, size = most_used(counts), sample_size(counts)
    said = {"answer": " or ".join(map(amount_name, amounts)) or NO_ANSWER, "uses": size}
    if not amounts:
        return said
    count = counts[amounts[0]]
    sure = wilson(count, size)
    return said | {"share": count / size, "low": sure.low, "high": sure.high}

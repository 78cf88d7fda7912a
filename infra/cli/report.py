"""Counts, answers and reports on files, as tables and lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from infra.cli.screen import out
from vouchers.counts import amount_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vouchers.sources import State


def show_counts(answer: Mapping[str, Any]) -> None:
    """Print an answer of /v1/counts, in the columns of the reference table."""
    shown = Table(title=answer["country"], title_justify="left")
    for name in ("min_range", "max_range", "segment_name", "voucher_amount", "count"):
        shown.add_column(name, justify="left" if name == "segment_name" else "right")
    ranges: set[tuple[str, int]] = set()
    for row in answer["rows"]:
        if ranges and (row["segment_name"], row["min_range"]) not in ranges:
            shown.add_section()
        ranges.add((row["segment_name"], row["min_range"]))
        amount = amount_name(row["voucher_amount"])
        shown.add_row(
            str(row["min_range"]), str(row["max_range"]), row["segment_name"], amount, str(row["count"])
        )
    out.print(shown)


def show_answer(answer: Mapping[str, Any]) -> None:
    """Print an answer of /voucher_amount as a line."""
    amounts = [amount_name(amount) for amount in answer["voucher_amount"]]
    out.print(" or ".join(amounts) or "no voucher: the customer is in no range, or nobody there used one")


def show_report(key: str, state: State) -> None:
    """Print what became of an uploaded file."""
    report = state.report
    shown = Table(title=key, title_justify="left", show_header=False)
    shown.add_column(style="bold")
    shown.add_column(justify="right")
    for name in ("rows", "counted", "rejected"):
        shown.add_row(name, f"{report[name]:,}")
    _add(shown, report["rejected_by_reason"], "rejected")
    _add(shown, report["repaired"], "repaired")
    _add(shown, {name: s["unsegmented"] for name, s in report["segments"].items()}, "unsegmented")
    shown.add_row("as of", report.get("as_of") or state.as_of or "")
    if "seconds" in report:
        shown.add_row("seconds", f"{report['seconds']:.2f}")
    out.print(shown)


def _add(shown: Table, numbers: Mapping[str, int], what: str) -> None:
    for name, number in numbers.items():
        shown.add_row(f"  {what}: {name.replace('_', ' ')}", f"{number:,}")

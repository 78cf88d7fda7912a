"""Counts, answers and reports on files, as tables and lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from voucher_selector.cli.screen import out
from vouchers.counts import amount_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import State

MAX_ALTERNATIVES = 3
"""Other amounts that are printed for a person; a program gets as many as the API lists."""

RANGES = {"no_range": "none holds the customer"}


def show_counts(answer: Mapping[str, Any]) -> None:
    """Print an answer of /v1/counts, in the columns of the reference table."""
    shown = Table(title=escape(answer["country"]), title_justify="left")
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


def show_why(answer: Mapping[str, Any]) -> None:
    """Print what an answer of /v1/selections rests on."""
    shown = Table(show_header=False)
    shown.add_column(style="bold")
    shown.add_column(overflow="fold")
    for name, value in _grounds(answer):
        shown.add_row(name, escape(value))
    out.print(shown)


def _grounds(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "country", answer["country"]
    yield "segment", answer["segment_name"]
    yield "range", RANGES.get(answer["reason"]) or f"{answer['min_range']} to {answer['max_range']}"
    for name in ("days_since_last_order", "days_since_first_order", "total_orders"):
        if answer[name] is not None:
            yield name.replace("_", " "), f"{answer[name]:,g}"
    yield "uses", f"{answer['sample_size']:,}, of which without a voucher {answer['without_voucher']:,}"
    if answer["share"] is not None:
        yield "share", f"{answer['count']:,} uses, {_percent(answer)}"
    for other in answer["alternatives"][:MAX_ALTERNATIVES]:
        yield "next", f"{amount_name(other['voucher_amount'])}: {other['count']:,} uses, {_percent(other)}"


def _percent(used: Mapping[str, Any]) -> str:
    """Return a share, and between what it lies with 95 % confidence."""
    share, low, high = (100 * n for n in (used["share"], used["interval"]["low"], used["interval"]["high"]))
    return f"{share:.1f} % ({low:.1f} to {high:.1f})"


def show_report(stack: Deployed, key: str, state: State) -> None:
    """Print what became of an uploaded file."""
    report = state.report
    shown = Table(title=escape(key), title_justify="left", show_header=False)
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
    if place := rejected_rows(stack, state):
        out.print(f"The rejected rows, with their reasons: {escape(place)}", soft_wrap=True)


def rejected_rows(stack: Deployed, state: State) -> str | None:
    """Return where the rows are that were rejected: an S3 URI; None if none were."""
    return state.rejected_object and f"s3://{stack.outputs['ResultsBucket']}/{state.rejected_object}"


def _add(shown: Table, numbers: Mapping[str, int], what: str) -> None:
    for name, number in numbers.items():
        shown.add_row(f"  {what}: {name.replace('_', ' ')}", f"{number:,}")

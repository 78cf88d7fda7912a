"""Tables and lines for a person: counts, answers, and reports on files."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from voucher_selector.cli.screen import out
from vouchers.counts import amount_name

VERDICTS = {
    "clear": "clear: more uses than the next amount, beyond chance (95 %)",
    "close": "close: the next amount could be the most used one",
    "too_few_uses": "too few uses to be sure",
}
"""The verdicts of /v1/selections in words."""

REASONS = {
    "no_range": "no range contains the customer",
    "no_voucher_used": "nobody used a voucher",
    "below_minimum_uses": "fewer than {minimum_uses:,} uses, which a choice needs",
    "no_amount_allowed": "none of the amounts that may be chosen was used",
}
"""Why a range, or all of them, has no choice."""

MAX_ALTERNATIVES = 3
"""Other amounts in the table of ``show_why``."""


def show_counts(answer: Mapping[str, Any]) -> None:
    """Print a response of /v1/counts, in the columns of the reference table."""
    currency = f" ({answer['currency']})" if answer.get("currency") else ""
    table = Table(title=escape(f"{answer['country']}{currency}"), title_justify="left")
    for name in ("min_range", "max_range", "segment_name", "voucher_amount", "count"):
        table.add_column(name, justify="left" if name == "segment_name" else "right")
    ranges: set[tuple[str, int]] = set()
    for row in answer["rows"]:
        range_ = (row["segment_name"], row["min_range"])
        if ranges and range_ not in ranges:
            table.add_section()
        ranges.add(range_)
        limits = (str(row["min_range"]), str(row["max_range"]))
        table.add_row(*limits, row["segment_name"], amount_name(row["voucher_amount"]), str(row["count"]))
    if left_out := answer["amounts_left_out"]:
        table.caption = f"and {left_out:,} more amounts"
    out.print(table)


def show_answer(answer: Mapping[str, Any]) -> None:
    """Print a response of /voucher_amount, or a selection of /v1/selections, as one line."""
    amounts = [with_currency(answer, amount) for amount in answer["voucher_amount"]]
    reason = answer.get("fallback_reason") or answer.get("reason")
    why = "the customer is in no range, nobody there used one, or a guard allows no choice"
    if reason and not amounts:
        why = describe_reason(reason, answer["guards"])
    out.print(" or ".join(amounts) or f"no voucher: {why}", soft_wrap=True)


def describe_reason(reason: str, guards: Mapping[str, Any] | None) -> str:
    """Return why there is no choice; ``guards`` are those of the country."""
    return REASONS[reason].format(**guards or {})


def with_currency(answer: Mapping[str, Any], amount: float) -> str:
    """Return an amount as text, with the currency of a response if it has one."""
    return " ".join(filter(None, (amount_name(amount), answer.get("currency"))))


def show_why(answer: Mapping[str, Any]) -> None:
    """Print the evidence of a selection of /v1/selections."""
    limits = f"{answer['min_range']} to {answer['max_range']}"
    rows = [
        ("country", answer["country"]),
        ("segment", answer["segment_name"]),
        ("range", "none contains the customer" if answer["reason"] == "no_range" else limits),
    ]
    if answer["reason"] not in ("most_used", "no_range"):
        rows.append(("no choice", describe_reason(answer["reason"], answer["guards"])))
    if answer.get("fallback"):
        rows.append(("fallback", "the uses of all ranges of the country"))
    names = ("days_since_last_order", "days_since_first_order", "total_orders")
    rows += [(name.replace("_", " "), f"{answer[name]:,g}") for name in names if answer[name] is not None]
    without = f"{answer['without_voucher']:,} of them without a voucher"
    rows.append(("uses", f"{answer['sample_size']:,}, {without}"))
    if answer["share"] is not None:
        rows.append(("share", f"{answer['count']:,} uses, {_percent(answer)}"))
    if verdict := answer.get("verdict"):
        rows.append(("verdict", VERDICTS[verdict]))
    for other in answer["alternatives"][:MAX_ALTERNATIVES]:
        amount = with_currency(answer, other["voucher_amount"])
        excluded = "" if other.get("allowed", True) else ", may not be chosen"
        rows.append(("next", f"{amount}: {other['count']:,} uses, {_percent(other)}{excluded}"))
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, escape(value))
    out.print(table)


def _percent(used: Mapping[str, Any]) -> str:
    """Return a share and its 95 % confidence interval, in percent."""
    share, low, high = (100 * n for n in (used["share"], used["interval"]["low"], used["interval"]["high"]))
    return f"{share:.1f} % ({low:.1f} to {high:.1f})"


def show_report(title: str, report: Mapping[str, Any], rejected_rows: str | None = None) -> None:
    """Print the report on sources that were counted, and where the rejected rows are."""
    rows = [(name, f"{report[name]:,}") for name in ("rows", "counted", "rejected")]
    unsegmented = {name: segment["unsegmented"] for name, segment in report["segments"].items()}
    for kind, numbers in (
        ("rejected", report["rejected_by_reason"]),
        ("repaired", report["repaired"]),
        ("unsegmented", unsegmented),
    ):
        for name, number in sorted(numbers.items()):
            rows.append((f"  {kind}: {name.replace('_', ' ')}", f"{number:,}"))
            rows += map(describe_example, report["rejected_examples"].get(name, ()))
    rows.append(("as of", report["as_of"]))
    if "seconds" in report:
        rows.append(("seconds", f"{report['seconds']:.2f}"))
    table = Table(title=escape(title), title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)
    if rejected_rows:
        out.print(f"Rejected rows with their reasons: {escape(rejected_rows)}", soft_wrap=True)


def describe_example(example: Mapping[str, Any]) -> tuple[str, str]:
    """Return the place and the value of a rejected row."""
    name = f"{example['object'].rsplit('/', 1)[-1]} row" if example["object"] else "row"
    return f"    {name} {example['row']}", "null" if example["value"] is None else f"'{example['value']}'"


def add_reports(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums of reports; a text that is not the same in all is replaced by ``various``."""
    total: dict[str, Any] = {}
    for report in reports:
        for name, value in report.items():
            match total.get(name), value:
                case None, _:
                    total[name] = value
                case dict() as before, _:
                    total[name] = add_reports([before, value])
                case str() as before, _:
                    total[name] = value if value == before else "various"
                case before, _:
                    total[name] = before + value
    return total

"""Questions to the API: `counts` and `ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from voucher_selector import api_client as api
from voucher_selector.cli import options, screen
from voucher_selector.cli.report import show_answer, show_counts, show_why
from voucher_selector.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTS_EXAMPLES = options.examples(
    "make counts COUNTRY=Peru",
    "make counts COUNTRY=Peru SEGMENT=recency_segment",
    ".venv/bin/voucher-selector counts Peru --segment recency_segment --json",
)
ASK_EXAMPLES = options.examples(
    "make ask COUNTRY=Peru SEGMENT=recency_segment LAST_ORDER=2018-05-03",
    "make ask COUNTRY=Peru SEGMENT=frequent_segment ORDERS=15 WHY=1",
    ".venv/bin/voucher-selector ask --country Peru --segment frequent_segment --orders 15 --why --json",
)


@click.command(epilog=COUNTS_EXAMPLES)
@click.argument("country")
@click.option("--segment", help="Of this segment only; else of all.")
@options.json_option
def counts(country: str, segment: str | None, *, as_json: bool) -> None:
    """Print how often each amount was used in COUNTRY.

    It is told by segment and range; amount 0 is an order without a voucher. It ends with 1 if nothing is
    counted for the country.
    """
    if not country.strip():
        raise CommandError("Name a country, as in: make counts COUNTRY=Peru")
    answer = api.counts(api.api(), country, segment)
    if as_json:
        screen.print_json(answer)
    else:
        show_counts(answer)


@click.command(epilog=ASK_EXAMPLES)
@click.option("--country", required=True, help="Where the customer is, as Peru.")
@click.option("--segment", required=True, help="By which segment to choose, as recency_segment.")
@click.option("--last-order", help="When the customer ordered last, as 2018-05-03.")
@click.option("--first-order", help="When the customer ordered first, as 2017-05-03.")
@click.option("--orders", help="How many orders the customer made, as 15.")
@click.option("--why", is_flag=True, help="Say what the answer rests on: range, uses, share.")
@options.json_option
def ask(*, country: str, segment: str, why: bool, as_json: bool, **customer: str | None) -> None:
    """Print which voucher amount to give a customer.

    It is the one that customers of the same range use most; on a tie there are several, and where nobody in
    the range used a voucher, or no range holds the customer, there is none. It ends with 1 if nothing is
    counted for the country.
    """
    if not country.strip() or not segment.strip():
        raise CommandError(
            "Name a country and a segment, as in: make ask COUNTRY=Peru SEGMENT=frequent_segment ORDERS=15"
        )
    fields = {
        "country_code": country,
        "segment_name": segment,
        "last_order_ts": customer["last_order"],
        "first_order_ts": customer["first_order"],
        "total_orders": customer["orders"],
    }
    given = {name: value for name, value in fields.items() if value is not None}
    answer = _answer(given, why=why)
    if as_json:
        screen.print_json(answer)
        return
    show_answer(answer)
    if why:
        show_why(answer)


def _answer(customer: Mapping[str, str], *, why: bool) -> Mapping[str, Any]:
    of = api.api()
    return api.selection(of, customer) if why else api.call(of, "POST", "/voucher_amount", customer)

"""Questions to the API: `counts` and `ask`."""

from __future__ import annotations

import click

from infra.cli import api, screen
from infra.cli.errors import CommandError
from infra.cli.report import show_answer, show_counts


@click.command()
@click.argument("country")
@click.option("--segment", help="Of this segment only; else of all.")
@screen.json_option
def counts(country: str, segment: str | None, *, as_json: bool) -> None:
    """Print what is counted for COUNTRY."""
    if not country.strip():
        raise CommandError("Name a country, as in: make counts COUNTRY=Peru")
    answer = api.counts(api.api(), country, segment)
    if as_json:
        screen.print_json(answer)
    else:
        show_counts(answer)


@click.command()
@click.option("--country", required=True, help="Where the customer is, as Peru.")
@click.option("--segment", required=True, help="By which segment to choose, as recency_segment.")
@click.option("--last-order", help="When the customer ordered last, as 2018-05-03.")
@click.option("--orders", help="How many orders the customer made, as 15.")
@screen.json_option
def ask(country: str, segment: str, last_order: str | None, orders: str | None, *, as_json: bool) -> None:
    """Print which voucher amount to give a customer."""
    if not country.strip() or not segment.strip():
        raise CommandError(
            "Name a country and a segment, as in: make ask COUNTRY=Peru SEGMENT=frequent_segment ORDERS=15"
        )
    fields = {
        "country_code": country,
        "segment_name": segment,
        "last_order_ts": last_order,
        "total_orders": orders,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    answer = api.call(api.api(), "POST", "/voucher_amount", given)
    if as_json:
        screen.print_json(answer)
    else:
        show_answer(answer)

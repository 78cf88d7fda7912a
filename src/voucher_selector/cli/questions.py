"""The commands that use the API: `counts`, `ask` and `dashboard`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import click

from voucher_selector import api_client
from voucher_selector.cli import options, screen
from voucher_selector.cli.report import show_answer, show_counts, show_why
from voucher_selector.errors import CommandError
from voucher_selector.local_stack.gateway import gateway
from voucher_selector.stack import find_stack, ports

PARAMETERS = {
    "country_code": "country",
    "segment_name": "segment",
    "last_order_ts": "last_order",
    "first_order_ts": "first_order",
    "total_orders": "orders",
}
"""The parameters that have other names than the fields of the API."""


@contextmanager
def parameters_named() -> Iterator[None]:
    """Name the parameter that the user typed in the errors of the API, which begin with a field."""

    def parameter(field: re.Match[str]) -> str:
        name = PARAMETERS.get(field[0], field[0])
        is_parameter = name in click.get_current_context().params
        return options.spelled(name) if is_parameter else field[0]

    try:
        yield
    except CommandError as error:
        message = re.sub(r"(?<=^The API refused: )\w+", parameter, str(error))
        raise CommandError(message, error.code) from None


@options.command(
    "make counts COUNTRY=Peru",
    "make counts COUNTRY=Peru SEGMENT=recency_segment",
    "voucher-selector counts Peru --segment recency_segment --json",
)
@options.argument("country")
@options.option("--segment", help="Only this segment.")
@options.json_option
def counts(country: str, segment: str | None, *, as_json: bool) -> None:
    """Print how often each amount was used in COUNTRY.

    The counts are grouped by segment and range. Amount 0 is an order without a voucher. The exit code is 1 if
    the country has no counts.
    """
    api = api_client.find_api()
    with parameters_named():
        answer = api_client.fetch_counts(api, country, segment)
    if as_json:
        screen.print_json(answer)
    else:
        show_counts(answer)


@options.command(
    "make ask COUNTRY=Peru SEGMENT=recency_segment LAST_ORDER=2018-05-03",
    "make ask COUNTRY=Peru SEGMENT=frequent_segment ORDERS=15 WHY=1",
    "voucher-selector ask --country Peru --segment frequent_segment --orders 15 --why --json",
)
@options.option("--country", required=True, help="The customer's country, such as Peru.")
@options.option("--segment", required=True, help="The segment to choose by, such as recency_segment.")
@options.option("--last-order", help="Date of the customer's last order, such as 2018-05-03.")
@options.option("--first-order", help="Date of the customer's first order, such as 2017-05-03.")
@options.option("--orders", help="Number of the customer's orders, such as 15.")
@options.flag("--fallback", help="If the range has no answer, use all ranges of the country.")
@options.flag("--why", help="Print the evidence, too: range, uses, share.")
@options.json_option
def ask(
    *, country: str, segment: str, fallback: bool, why: bool, as_json: bool, **customer: str | None
) -> None:
    """Print the voucher amount for a customer.

    It is the amount that customers of the same range use most. On a tie there are several amounts. There is
    none if no range contains the customer, nobody in the range used a voucher, or a guard allows no choice;
    with --fallback, all ranges of the country then decide. The exit code is 1 if the country has no counts.
    """
    fields = {
        "country_code": country,
        "segment_name": segment,
        "last_order_ts": customer["last_order"],
        "first_order_ts": customer["first_order"],
        "total_orders": customer["orders"],
        "fallback": "country" if fallback else None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    api = api_client.find_api()
    with parameters_named():
        if why:
            answer = api_client.fetch_selection(api, given)
        else:
            answer = api_client.call(api, "POST", "/voucher_amount", given)
    if as_json:
        screen.print_json(answer)
        return
    show_answer(answer)
    if why:
        show_why(answer)


@options.command(
    "make dashboard",
    "make dashboard AWS_ENDPOINT_URL=aws STACK=voucher-selector-dev PORT=5001",
    "voucher-selector dashboard",
)
@options.cors_option
def dashboard(cors: str | None) -> None:
    """Serve the page and the API reference of a stack.

    Requests are signed with the AWS credentials of the environment. Only this machine can open the page.
    Ctrl-C stops the command. The local stack serves its page itself; the command prints its URL.
    """
    api = api_client.find_api()
    if api.credentials is None:
        find_stack()
        click.echo(f"The page is at {api.url}/")
        return
    with gateway(ports().api, api, cors) as url:
        click.echo(f"The page of {api.url} is at {url}/")
        click.echo(f"The API reference is at {url}/docs")
        click.echo("Press Ctrl-C to stop.")
        screen.wait_for_interrupt()

"""The command that leads to the page: `dashboard`."""

from __future__ import annotations

import click

from voucher_selector import api_client as api
from voucher_selector.cli import options, screen
from voucher_selector.local_stack.gateway import gateway
from voucher_selector.stack import deployed, ports

EXAMPLES = options.examples(
    "make dashboard",
    "make dashboard AWS_ENDPOINT_URL=aws STACK=voucher-selector-dev PORT=5001",
    ".venv/bin/voucher-selector dashboard",
)


@click.command(epilog=EXAMPLES)
def dashboard() -> None:
    """Open the page of the stack to a browser on this machine.

    Calls are signed with the AWS credentials of the environment, until Ctrl-C; only this machine is served.
    The stack of make run serves its page itself, and it is said where.
    """
    of = api.api()
    if of.signed is None:
        deployed()
        click.echo(f"The page is at {of.url}/")
        return
    with gateway(ports().api, of.signed) as url:
        click.echo(f"The page of {of.url} is at {url}/\nCtrl-C stops it.")
        screen.wait_for_interrupt()

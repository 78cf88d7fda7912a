"""The command `dashboard`."""

from __future__ import annotations

import click

from voucher_selector import api_client
from voucher_selector.cli import options, screen
from voucher_selector.local_stack.gateway import gateway
from voucher_selector.stack import find_stack, ports


@options.command(
    "make dashboard",
    "make dashboard AWS_ENDPOINT_URL=aws STACK=voucher-selector-dev PORT=5001",
    "voucher-selector dashboard",
)
def dashboard() -> None:
    """Serve the stack's page on this machine.

    Requests are signed with the AWS credentials of the environment. Only this machine can open the page.
    Ctrl-C stops the command. The local stack serves its page itself; the command prints its URL.
    """
    api = api_client.find_api()
    if api.credentials is None:
        find_stack()
        click.echo(f"The page is at {api.url}/")
        return
    with gateway(ports().api, api) as url:
        click.echo(f"The page of {api.url} is at {url}/\nPress Ctrl-C to stop.")
        screen.wait_for_interrupt()

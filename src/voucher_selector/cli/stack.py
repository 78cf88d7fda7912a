"""The commands that start a stack of their own: `demo` and `run`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from voucher_selector import api_client as api
from voucher_selector.cli import options, sample, screen
from voucher_selector.cli.report import show_counts, show_report
from voucher_selector.cli.upload import readable
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.errors import StackError
from voucher_selector.local_stack.ports import free_port, require_free
from voucher_selector.local_stack.relay import bridge, relay
from voucher_selector.local_stack.stack import running
from voucher_selector.operations.upload import load, object_key
from voucher_selector.stack import Deployed, Ports, logs, ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voucher_selector.local_stack.stack import Stack

SAMPLE = "sample.parquet"
NONE = "none"
RUN_EXAMPLES = options.examples(
    "make run",
    "make run SAMPLE=vouchers.parquet PORT=5001",
    "make run ROWS=1",
    ".venv/bin/voucher-selector run --sample none --containers",
)

REFERENCE = {
    "customer_id": 123,
    "country_code": "Peru",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
    "total_orders": 15,
    "segment_name": "recency_segment",
}
"""The request that the documentation gives as the example."""


@click.command(epilog=options.examples("make demo", "make demo PORT=5001 AWS_PORT=4567"))
def demo() -> None:
    """Start the stack, see it work, and stop it.

    The sample is uploaded, the counts of Peru and the answer to the reference request are printed.
    """
    chosen = Ports(aws=_free_or_another(ports().aws), api=_free_or_another(ports().api))
    with ExitStack() as parts:
        stack = _start(parts, chosen)
        _load_sample(stack)
        _show_answers(api.Api(stack.url))
        with screen.step("Stopping"):
            parts.close()


@click.command(epilog=RUN_EXAMPLES)
@click.option("--sample", "file", help="A file to upload in the sample's place, or none.")
@click.option("--containers", is_flag=True, help="Let containers of this machine call AWS, for sam local.")
@click.option("--rows", is_flag=True, help="Keep the rows with their segments, too, and list them in Glue.")
def run(file: str | None, *, containers: bool, rows: bool) -> None:
    """Start the stack, and stay up until Ctrl-C.

    The sample is uploaded, or a file of one's own, or nothing.
    """
    path = readable(file) if file and file != NONE else None
    with ExitStack() as parts:
        stack = _start(parts, ports(), {"SegmentedRows": "true"} if rows else None)
        if containers:
            _let_containers_in(parts, ports().aws)
        if path:
            key = object_key(path.name)
            show_report(_deployed(stack), key, load(_deployed(stack), path, key, None))
        elif file != NONE:
            _load_sample(stack)
        _show_places(stack, ports().assignments)
        screen.wait_for_interrupt()
        with screen.step("Stopping"):
            parts.close()


def _free_or_another(port: int) -> int:
    try:
        require_free(port, "")
    except StackError:
        another = free_port()
        screen.err.print(f"Port {port} is in use; {another} serves in its place")
        return another
    return port


def _start(parts: ExitStack, chosen: Ports, parameters: Mapping[str, str] | None = None) -> Stack:
    with screen.step("Starting S3, Lambda, DynamoDB and API Gateway on this machine"):
        return parts.enter_context(running(chosen.aws, chosen.api, parameters=parameters))


def _let_containers_in(parts: ExitStack, port: int) -> None:
    if at := bridge():
        parts.enter_context(relay(port, at))
    click.echo(f"{'for containers':<18} http://host.docker.internal:{port}")


def _deployed(stack: Stack) -> Deployed:
    return Deployed(session(), stack.endpoint, stack.outputs)


def _load_sample(stack: Stack) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / SAMPLE
        sample.write(path)
        load(_deployed(stack), path, object_key(SAMPLE), None)


def _show_answers(of: api.Api) -> None:
    show_counts(api.counts(of, "Peru"))
    click.echo(_curl(of.url))
    answer = api.call(of, "GET", "/voucher_amount", REFERENCE)
    click.echo(json.dumps(answer, separators=(",", ":")))


def _curl(url: str) -> str:
    header, body = "Content-type: application/json", json.dumps(REFERENCE)
    return f'curl -X GET -H "{header}" -d \'{body}\' "{url}/voucher_amount"'


def _show_places(stack: Stack, variables: str) -> None:
    places = {
        "API": stack.url,
        "page": f"{stack.url}/",
        "AWS endpoint": stack.endpoint,
        "log": logs(),
        **stack.outputs,
    }
    for name, value in places.items():
        click.echo(f"{name:<18} {value}")
    click.echo(f"\nTry next, in another terminal:\n  make counts COUNTRY=Peru{variables}")
    click.echo(f"  make upload FILE=vouchers.parquet AS_OF=2018-08-05{variables}")
    click.echo(f"  {_curl(stack.url)}\nCtrl-C stops it.")

"""The commands that start the local stack, `demo` and `run`, and the one that writes its sample."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from voucher_selector import api_client
from voucher_selector.cli import options, screen
from voucher_selector.cli.report import show_counts
from voucher_selector.cli.upload import load, require_counted, show_outcomes
from voucher_selector.errors import StackError
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.emulator import LOGS
from voucher_selector.local_stack.ports import free_port, require_free
from voucher_selector.local_stack.relay import bridge, relay
from voucher_selector.local_stack.signing import Target
from voucher_selector.local_stack.stack import running
from voucher_selector.operations.keep import restore_objects, save_objects
from voucher_selector.operations.upload import DATASETS, NO_METADATA, Uploads, wait_until_counted
from voucher_selector.sample_data.facts import AS_OF
from voucher_selector.stack import Deployed, Ports, log_place, ports
from vouchers.keys import is_upload

SAMPLE = "sample.parquet"
NONE = "none"

KEEPS = "The uploaded files are saved then."
FORGETS = "The stack forgets its data then; KEEP=1 (--keep) saves the uploaded files."

REFERENCE = {
    "customer_id": 123,
    "country_code": "Peru",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
    "total_orders": 15,
    "segment_name": "recency_segment",
}
"""The example request of the documentation."""

CURL = f"curl -X GET -H \"Content-type: application/json\" -d '{json.dumps(REFERENCE)}'"


@options.command("make demo", "make demo PORT=5001 AWS_PORT=4567", "voucher-selector demo")
def demo() -> None:
    """Start the stack, try it, and stop it.

    The demo uploads the sample, prints the counts of Peru, and sends the reference request.
    """
    numbers = [ports().aws, ports().api]
    for index, port in enumerate(numbers):
        try:
            require_free(port, "")
        except StackError:
            numbers[index] = free_port()
            screen.err.print(f"Port {port} is in use; the demo uses port {numbers[index]} instead")
    with ExitStack() as parts:
        url, stack = _start(parts, Ports(*numbers))
        _load_sample(stack)
        api = Target(url)
        show_counts(api_client.fetch_counts(api, "Peru"))
        click.echo(f'{CURL} "{url}/voucher_amount"')
        answer = api_client.call(api, "GET", "/voucher_amount", REFERENCE)
        click.echo(json.dumps(answer, separators=(",", ":")))
        with screen.step("Stopping"):
            parts.close()


@options.command(
    "make run",
    "make run SAMPLE=vouchers.parquet PORT=5001",
    "make run ROWS=1",
    "make run KEEP=1",
    "voucher-selector run --sample none --containers",
)
@options.option("--sample", "file", help="File or folder to upload instead of the sample, or 'none'.")
@options.flag("--containers", help="Let containers of this machine call AWS, for sam local.")
@options.flag("--keep", help="Keep the uploaded files in .stack, and count them again at the next run.")
@options.cors_option
@options.flag("--rows", help="Keep the segmented rows, and list them in Glue.")
@options.flag("--events", help="Send an event to the event bus 'default' when a file was counted or failed.")
def run(  # noqa: PLR0913 - one parameter for each option
    file: str | None, *, cors: str | None, containers: bool, keep: bool, rows: bool, events: bool
) -> None:
    """Start the stack, and keep it running until Ctrl-C.

    At the start it uploads the sample, another file, or nothing. With --keep it uploads the files of the run
    before instead of the sample, and saves those of this run when it stops.
    """
    uploads = Uploads.find([file] if file and file != NONE else [])
    with ExitStack() as parts:
        parameters = {"SegmentedRows": "true"} if rows else {}
        parameters |= {"EventBusName": "default"} if events else {}
        url, stack = _start(parts, ports(), parameters, cors)
        if containers:
            if interface := bridge():
                parts.enter_context(relay(ports().aws, interface))
            click.echo(f"{'for containers':<18} http://host.docker.internal:{ports().aws}")
        kept = restore(stack) if keep else None
        if uploads.files:
            outcomes = load(stack, uploads)
            show_outcomes(stack, outcomes)
            require_counted(outcomes)
        elif file != NONE and kept is None:
            _load_sample(stack, {"as-of": AS_OF})
        places = {
            "API": url,
            "API reference": f"{url}/docs",
            "page": f"{url}/",
            "AWS endpoint": stack.endpoint,
            "log": log_place(),
        }
        for name, value in (places | stack.outputs).items():
            click.echo(f"{name:<18} {value}")
        variables = ports().assignments
        click.echo(f"\nTry in another terminal:\n  make counts COUNTRY=Peru{variables}")
        click.echo(f"  make upload FILE=vouchers.parquet AS_OF={AS_OF}{variables}")
        click.echo(f'  {CURL} "{url}/voucher_amount"')
        click.echo(f"Press Ctrl-C to stop. {KEEPS if keep else FORGETS}")
        screen.wait_for_interrupt()
        if keep:
            with screen.step("Saving the uploaded files"):
                save_objects(stack, kept_folder())
        with screen.step("Stopping"):
            parts.close()


def kept_folder() -> Path:
    """Return the folder of the files that runs on this AWS_PORT keep."""
    return LOGS / f"{ports().aws}.kept"


def restore(stack: Deployed) -> list[str] | None:
    """Upload the files of the run before, wait until they are counted, and return their keys."""
    with screen.step("Counting the files of the run before"):
        keys = restore_objects(stack, kept_folder())
        outcomes = [*wait_until_counted(stack, filter(is_upload, keys or []))]
    for outcome in outcomes:
        if outcome.error:
            screen.warn(str(outcome.error))
    if names := sorted({key.split("/")[1] for key in keys or [] if key.startswith(DATASETS)}):
        screen.warn(
            f"Datasets are not counted yet. Count them: make dataset NAME={names[0]}{ports().assignments}"
        )
    return keys


@options.command("make sample", "make sample FILE=sample.parquet", "voucher-selector sample sample.parquet")
@options.argument("file", default=SAMPLE)
def sample(file: str) -> None:
    """Write the sample to FILE."""
    write_with_progress(Path(file).expanduser())


def write_with_progress(path: Path) -> None:
    """Write the sample with a progress bar."""
    from voucher_selector.sample_data.file import STEPS, write_sample  # noqa: PLC0415 - importing pyarrow is slow

    with screen.bar(f"Writing {path.name}: 511,427 uses of vouchers in four countries", STEPS) as advance:
        write_sample(path, on_step=lambda: advance(1))


def _start(
    parts: ExitStack, numbers: Ports, parameters: Mapping[str, str] | None = None, cors: str | None = None
) -> tuple[str, Deployed]:
    with screen.step("Starting S3, Lambda, DynamoDB and API Gateway on this machine"):
        stack = parts.enter_context(running(numbers.aws, numbers.api, parameters=parameters, cors=cors))
    return stack.url, Deployed(session(), stack.endpoint, stack.outputs)


def _load_sample(stack: Deployed, metadata: Mapping[str, str] = NO_METADATA) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / SAMPLE
        write_with_progress(path)
        require_counted(load(stack, Uploads.find([str(path)]), metadata))

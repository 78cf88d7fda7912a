"""The command `upload`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voucher_selector.cli import options, screen
from voucher_selector.cli.report import show_report
from voucher_selector.operations.upload import (
    NotCountedError,
    object_key,
    require_file,
    send,
    wait_until_counted,
)
from voucher_selector.stack import find_stack

if TYPE_CHECKING:
    from pathlib import Path

    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import State


@options.command(
    "make upload FILE=vouchers.parquet AS_OF=2018-08-05",
    "make upload FILE=vouchers.parquet AS_OF=row KEY=2018/august.parquet",
    "voucher-selector upload vouchers.parquet --as-of 2018-08-05 --json",
)
@options.argument("file")
@options.as_of_option
@options.option("--key", help="The object's name under vouchers/; default: the name of the file.")
@options.json_option
def upload(file: str, as_of: str | None, key: str | None, *, as_json: bool) -> None:
    """Upload FILE, wait until it is counted, and print its report.

    The exit code is 1 if the file cannot be counted.
    """
    path = require_file(file)
    name, stack = object_key(key or path.name), find_stack()
    try:
        state = load(stack, path, name, as_of)
    except NotCountedError as error:
        if as_json:
            screen.print_json(document(stack, name, error.state))
        raise
    if as_json:
        screen.print_json(document(stack, name, state))
    else:
        show_report(stack, name, state)


def load(stack: Deployed, path: Path, key: str, as_of: str | None) -> State:
    """Upload a file with a progress bar, wait until it is counted, and return the state of its source."""
    with screen.bar(f"Uploading {path.name}", path.stat().st_size) as advance:
        uploaded = send(stack, path, key, as_of, advance)
    with screen.step(f"Counting {key}"):
        return wait_until_counted(stack, uploaded)


def document(stack: Deployed, source: str, state: State) -> dict[str, object]:
    """Return the JSON document about a source."""
    return {
        "source": source,
        "status": state.status,
        "as_of": state.as_of,
        "error": state.error,
        "report": state.report,
        "rejected_rows": stack.rejected_rows(state),
    }

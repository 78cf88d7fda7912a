"""The command `upload`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from voucher_selector.cli import options, screen
from voucher_selector.cli.report import add_reports, show_report
from voucher_selector.error_messages import name_variables
from voucher_selector.errors import CommandError
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.sources import advise_on_content, advise_on_rows, delete
from voucher_selector.operations.upload import (
    NO_METADATA,
    Outcome,
    Uploads,
    find_other_files,
    send,
    wait_until_counted,
)
from voucher_selector.stack import Deployed, find_stack
from vouchers.dynamodb.sources_table import State


@options.command(
    "make upload FILE=vouchers.parquet AS_OF=2020-06-15",
    "make upload FILE=vouchers.parquet AS_OF=row KEY=2018/august.parquet",
    "make upload FILE=years SYNC=1",
    "voucher-selector upload vouchers.parquet --as-of 2020-06-15 --json",
    "voucher-selector upload years june.parquet july.parquet",
)
@options.argument("file", nargs=-1, required=True)
@options.metadata_options
@options.option("--key", help="Name under vouchers/ of the only FILE; default: its own name.")
@options.max_rejected_option
@options.flag("--sync", help="Delete the objects under a folder's key that are not in the folder.")
@options.json_option
def upload(  # noqa: PLR0913 - click passes each option
    file: tuple[str, ...],
    metadata: Mapping[str, str],
    key: str | None,
    max_rejected: float,
    *,
    sync: bool,
    as_json: bool,
) -> None:
    """Upload files, wait until they are counted, and print the report.

    FILE is a file, or a folder with all its files, whose keys begin with the folder's name. The
    exit code is 1 if a file cannot be counted, or all its rows are rejected.
    """
    if key and len(file) > 1:
        raise CommandError(f"{options.spelled('key')} names one file or folder, but {len(file)} are given")
    uploads = Uploads.find(file, key)
    if sync and not uploads.prefixes:
        raise CommandError(f"{options.spelled('sync')} needs a folder, but {file[0]} is a file")
    stack = find_stack()
    uploads = uploads.under(stack)
    others = find_other_files(stack, uploads.files)
    outcomes, deleted = load(stack, uploads, metadata), list[str]()
    if sync:
        under = {found for prefix in uploads.prefixes for found in list_objects(stack, prefix)}
        deleted = delete_with_progress(stack, sorted(under - uploads.files.keys()))
    states = {outcome.key: outcome.state for outcome in outcomes if outcome.state}
    advice = f"give one another name with {options.spelled('key')}, or upload the folder that contains both"
    for name, state in states.items():
        if name in others and others[name] != state.etag:
            screen.warn(
                f"{name} had the content of another file, which is replaced now. To count both, {advice}"
            )
    warn_about(stack, {name: state for name, state in states.items() if state.report}, max_rejected)
    if as_json:
        documents = [document(stack, o.key, o.state, o.error) for o in outcomes]
        several = len(file) > 1 or uploads.prefixes
        screen.print_json({"sources": documents, "deleted": deleted} if several else documents[0])
    else:
        show_outcomes(stack, outcomes)
    require_counted(outcomes)


def load(stack: Deployed, uploads: Uploads, metadata: Mapping[str, str] = NO_METADATA) -> list[Outcome]:
    """Upload files with a progress bar, wait until they are counted, and return the outcomes by key."""
    number = len(uploads.files)
    key, path = next(iter(uploads.files.items()))
    send_with_progress(stack, uploads.files, path.name if number == 1 else f"{number:,} files", metadata)
    outcomes = []
    with screen.bar(f"Counting {key if number == 1 else f'{number:,} files'}", number) as advance:
        for outcome in wait_until_counted(stack, uploads.files):
            outcomes.append(outcome)
            advance(1)
    return sorted(outcomes)


def warn_about(
    stack: Deployed, states: Mapping[str, State], max_rejected: float, etags: Mapping[str, str] | None = None
) -> None:
    """Print warnings on sources that were counted.

    ``etags`` are those of the objects by key, if the sources are not the objects themselves.
    """
    for key, state in states.items():
        for sentence in advise_on_rows(key, state.report, max_rejected):
            screen.warn(sentence)
    for sentence in advise_on_content(stack, etags or {key: s.etag or "" for key, s in states.items()}):
        screen.warn(sentence)


def send_with_progress(
    stack: Deployed, files: Mapping[str, Path], title: str, metadata: Mapping[str, str] = NO_METADATA
) -> None:
    """Upload files, given by key, with a progress bar."""
    with screen.bar(f"Uploading {title}", sum(path.stat().st_size for path in files.values())) as advance:
        send(stack, files, metadata, advance)


def delete_with_progress(stack: Deployed, keys: Sequence[str]) -> list[str]:
    """Delete objects with a progress bar, print their keys to standard error, and return them."""
    if keys:
        title = keys[0] if len(keys) == 1 else f"{len(keys):,} objects"
        with screen.bar(f"Deleting {title}", len(keys)) as advance:
            delete(stack, keys, advance)
    for key in keys:
        screen.err.print(f"Deleted: {escape(key)}", soft_wrap=True)
    return [*keys]


def show_outcomes(stack: Deployed, outcomes: Sequence[Outcome]) -> None:
    """Print one report on all files that were counted."""
    states = {outcome.key: outcome.state for outcome in outcomes if outcome.state and outcome.state.report}
    if len(states) > 1:
        total = add_reports([state.report for state in states.values()])
        show_report(f"{len(states):,} files", total | {"rejected_examples": {}})
    else:
        for key, state in states.items():
            show_report(key, state.report, stack.rejected_rows(state))


def require_counted(outcomes: Sequence[Outcome]) -> None:
    """Raise the error of a file that was not counted.

    Raises:
        CommandError: if there is one; for several files, after printing the errors of all.
    """
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if len(outcomes) == len(errors) == 1:
        raise errors[0]
    for error in errors:
        screen.err.print(escape(name_variables(str(error))), soft_wrap=True)
    if errors:
        problem = f"{len(errors):,} of {len(outcomes):,} files were not counted"
        raise CommandError(problem, max(error.code for error in errors))


def document(
    stack: Deployed, source: str, state: State | None, error: CommandError | None = None
) -> dict[str, Any]:
    """Return the JSON document about a source."""
    return {
        "source": source,
        "status": state and state.status,
        "as_of": state and state.as_of,
        "error": str(error) if error else state and state.error,
        "report": state.report if state else {},
        "rejected_rows": state and stack.rejected_rows(state),
    }

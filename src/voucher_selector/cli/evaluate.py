"""The command `evaluate`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from ingest.counting.as_of import COLUMNS_METADATA, ROW
from ingest.parquet.column_names import ColumnMapping
from voucher_selector.cli import options, screen
from voucher_selector.cli.dataset import run_with_progress
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations import dataset_run
from voucher_selector.stack import find_stack
from vouchers.counts import amount_name
from vouchers.segments import load_definitions
from vouchers.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voucher_selector.spark_job.progress import Progress
    from vouchers.segments import Definitions

ROWS = {"train": "before the date", "test": "from the date on", "undated": "undated", "rejected": "rejected"}


def moment(value: str) -> datetime:
    """Return a date, or a date and time, in UTC."""
    try:
        return parse_timestamp(value)
    except ValueError:
        raise ValueError(f" '{value}'. Use a date such as 2018-07-01, or a date and time.") from None


@options.command(
    "make evaluate FILE=vouchers.parquet TRAIN_UNTIL=2018-07-01",
    "make evaluate FILE=uses TRAIN_UNTIL=2018-07-01 AS_OF=2018-07-01",
    "make evaluate DATASET=history TRAIN_UNTIL=2018-07-01",
    "voucher-selector evaluate june.parquet july.parquet --train-until 2018-07-01 --json",
)
@options.argument("file", nargs=-1)
@options.option("--dataset", metavar="NAME", help="Evaluate the objects under datasets/NAME/ with Spark.")
@options.option(
    "--train-until",
    type=moment,
    required=True,
    metavar="DATE",
    help="Choose by the uses before this date or time (UTC), and judge by the others.",
)
@options.option(
    "--as-of",
    default=ROW,
    metavar="DATE",
    help="Measure the recency of uses before the date to this date; default: row, the time of each use.",
)
@options.columns_option
@options.json_option
def evaluate(  # noqa: PLR0913 - click passes each option
    file: tuple[str, ...],
    dataset: str | None,
    train_until: datetime,
    as_of: str,
    columns: str | None,
    *,
    as_json: bool,
) -> None:
    """Judge the choices of a date by the later uses.

    FILE is a file, or a folder with all its files. With --dataset, Spark reads the objects of a dataset, and
    no count changes. The result is the hit rate of each country and segment: the share of the later uses
    whose amount is the choice. Rows without a time of use are left out. The exit code is 1 if a file cannot
    be read, or no row has a time of use.
    """
    measured_to, by_row = None, as_of.strip().lower() == ROW
    with suppress(ValueError):
        measured_to = None if by_row else parse_timestamp(as_of)
    if not by_row and (measured_to is None or measured_to > train_until):
        message = f"Invalid {options.spelled('as_of')} '{as_of}'. Use 'row', or a date"
        raise CommandError(f"{message} that is not after {options.spelled('train_until')}.")
    definitions, counted = load_definitions(), None
    if dataset is not None:
        if file:
            names = f"{options.spelled('file')} or {options.spelled('dataset')}"
            raise CommandError(f"Name {names}, but not both.")
        counted = _count_dataset(dataset, definitions, train_until, as_of, columns)
    elif not any(map(str.strip, file)):
        context = click.get_current_context()
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    with screen.step(f"Evaluating {dataset or (file[0] if len(file) == 1 else f'{len(file):,} files')}"):
        from voucher_selector import dated_uses  # noqa: PLC0415 - it imports pyarrow, which is slow
        from voucher_selector.operations import evaluate as backtest  # noqa: PLC0415 - it imports pyarrow, which is slow
        from voucher_selector.operations import use_files  # noqa: PLC0415 - it imports pyarrow, which is slow

        if counted:
            uses = dated_uses.build_uses(counted.uses, definitions)
        else:
            files = use_files.find_files(file, ColumnMapping.parse(columns or ""))
            uses = use_files.read_uses(files, definitions, train_until, measured_to)
        if not uses.uses.rows:
            numbers = (
                f"{uses.rejected:,} of {uses.rows:,} rows are rejected, {uses.undated:,} have no time of use"
            )
            raise CommandError(f"Nothing can be evaluated: {numbers}", Exit.NO)
        if problem := uses.describe_missing_part():
            text = train_until.isoformat().removesuffix("T00:00:00+00:00")
            raise CommandError(f"Invalid {options.spelled('train_until')} '{text}': {problem}.")
        result = backtest.evaluate(uses)
    if as_json:
        screen.print_json(result)
    else:
        show(result)


def _count_dataset(
    name: str, definitions: Definitions, train_until: datetime, as_of: str, columns: str | None
) -> Progress:
    """Count the uses of a dataset with Spark; columns without a name have those of its counts.

    Raises:
        CommandError: if they cannot be counted.
    """
    key, stack = dataset_run.dataset_key(name), find_stack()
    if not dataset_run.has_objects(stack, key):
        upload = f"make dataset NAME={name} FROM=folder"
        raise CommandError(f"There are no objects under {key}. Upload some: {upload}")
    metadata = dataset_run.earlier_metadata(stack.sources_table().load(key).state)
    if columns:
        metadata[COLUMNS_METADATA] = columns
    order = replace(
        dataset_run.new_order(stack, key, metadata, forced=False),
        as_of=as_of,
        train_until=train_until.isoformat(),
        segments=definitions.version,
    )
    counted = run_with_progress(stack, order, "Evaluating")
    if counted.error:
        raise CommandError(counted.error, Exit.NO)
    return counted


def show(result: Mapping[str, Any]) -> None:
    """Print a result of ``evaluate`` as tables."""
    numbers = [f"{result[f'{name}_rows']:,} {text}" for name, text in ROWS.items() if result[f"{name}_rows"]]
    screen.out.print(f"Rows: {', '.join(numbers)}", soft_wrap=True)
    for found in result["results"]:
        title = escape(f"{found['country']}, {found['segment_name']}")
        table = Table(title=title, title_justify="left")
        for name in ("range", "amount", "uses", "hits", "95 % interval", "stable from"):
            table.add_column(name, justify="left" if name == "range" else "right")
        changes = []
        for part in (part for part in found["ranges"] if part["train_uses"] or part["uses"]):
            range_ = f"{part['min']}-{part['max']}"
            amounts = " or ".join(map(amount_name, part["voucher_amount"])) or "none"
            needed = f"{part['uses_needed']:,} uses" if part["uses_needed"] else ""
            table.add_row(range_, amounts, *_rates(part), needed)
            for change in part["changes"]:
                old, new = amount_name(change["from"]), amount_name(change["to"])
                changes.append(f"{range_}: the choice changed from {old} to {new} in {change['month']}")
        table.add_section()
        table.add_row("all", "", *_rates(found), "")
        for name, rate in found["baselines"].items():
            by = "" if name == "without_guards" else "by "
            table.add_row(escape(f"{by}{name.replace('_', ' ')}"), "", "", f"{rate:.1%}", "", "")
        screen.out.print(table)
        low, high = found["gain_interval"]
        verdict = "more than chance" if low > 0 or high < 0 else "not more than chance"
        gain = f"{found['gain_points']:+.2f} points over the country's most used amount"
        lines = [f"{gain}, 99 % interval {low:+.2f} to {high:+.2f}: {verdict}", *changes]
        screen.out.print("\n".join(lines), soft_wrap=True)


def _rates(found: Mapping[str, Any]) -> tuple[str, str, str]:
    if not found["uses"]:
        return "0", "", ""
    low, high = found["hit_interval"]
    return f"{found['uses']:,}", f"{found['hit_rate']:.1%}", f"{low:.1%} to {high:.1%}"

"""The command `profile`."""

from __future__ import annotations

from pathlib import Path

import click

from voucher_selector.cli import options, screen
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.upload import require_file

S3 = "s3://"


@options.command(
    "make profile FILE=vouchers.parquet",
    "make profile FILE=vouchers.parquet AS_OF=2020-06-15 OUT=august.html",
    "voucher-selector profile s3://uploads/vouchers/august.parquet --as-of row",
)
@options.argument("file")
@options.option("--out", help="The page to write; default: beside the file, for S3 in this directory.")
@options.as_of_option
def profile(file: str, out: str | None, as_of: str | None) -> None:
    """Explore FILE, and write the results as one HTML page.

    FILE is a path, or an s3://… object of the stack. The page is the notebook without its code, and loads no
    other file. The exit code is 1 if the file cannot be counted.
    """
    target = _target(file, out)
    with screen.step(f"Exploring {file}"):
        try:
            from voucher_selector.explore import notebook, scenarios, sources  # noqa: PLC0415 - a notebook is optional, and slow
        except ModuleNotFoundError as error:
            message = f"{error.name} is not installed. Install it: make .venv/.explore"
            raise CommandError(message, Exit.STACK) from None
        name = file if file.startswith(S3) else str(require_file(file).resolve())
        # Fail before the notebook is started if the file cannot be counted.
        explored = sources.find_file(name, as_of)
        scenarios.count_scenario(explored, explored.as_of)
        title = f"{name.rsplit('/', 1)[-1]}: voucher uses"
        page = notebook.render_html(notebook.run_notebook(FILE=name, AS_OF=as_of or ""), title)
        target.write_text(page, encoding="utf-8")
    click.echo(str(target))


def _target(file: str, out: str | None) -> Path:
    name = file.rsplit("/", 1)[-1].partition(".parquet")[0]
    folder = Path() if file.startswith(S3) else Path(file).expanduser().parent
    target = Path(out).expanduser() if out else folder / f"{name or 'file'}.profile.html"
    advice = f"Name another file with {options.spelled('out')}"
    if target.is_dir() or not target.parent.is_dir():
        raise CommandError(f"{target} is a folder, or its folder does not exist. {advice}")
    if target.exists() and not file.startswith(S3) and target.samefile(Path(file).expanduser()):
        raise CommandError(f"{target} is the explored file itself. {advice}")
    return target

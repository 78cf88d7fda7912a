"""The command `profile`."""

from __future__ import annotations

from pathlib import Path

import click

from voucher_selector.cli import options, screen
from voucher_selector.cli.upload import readable
from voucher_selector.errors import CommandError, Exit

S3 = "s3://"

EXAMPLES = options.examples(
    "make profile FILE=vouchers.parquet",
    "make profile FILE=vouchers.parquet AS_OF=2018-08-05 OUT=august.html",
    ".venv/bin/voucher-selector profile s3://uploads/vouchers/august.parquet --as-of row",
)


@click.command(epilog=EXAMPLES)
@click.argument("file")
@click.option("--out", help="Where to write the page; else beside the file, of S3 into this directory.")
@click.option("--as-of", help="To when recency is measured: a date as 2018-08-05, row, or upload.")
def profile(file: str, out: str | None, as_of: str | None) -> None:
    """Explore FILE, and write what it holds as one HTML page.

    FILE is a path, or s3://… of the stack. The page is the notebook without its code, and needs nothing else
    to be shown. It ends with 1 if the file cannot be counted.
    """
    target = _target(file, out)
    with screen.step(f"Exploring {file}"):
        target.write_text(_page(file, as_of), encoding="utf-8")
    click.echo(str(target))


def _target(file: str, out: str | None) -> Path:
    if not file:
        raise CommandError("Name a file, as in: make profile FILE=vouchers.parquet")
    name = file.rsplit("/", 1)[-1].partition(".parquet")[0]
    beside = Path() if file.startswith(S3) else Path(file).expanduser().parent
    target = Path(out).expanduser() if out else beside / f"{name or 'file'}.profile.html"
    if target.is_dir() or not target.parent.is_dir():
        raise CommandError(f"{target} cannot be written; name a file in a directory that is there, by OUT")
    if target.exists() and not file.startswith(S3) and target.samefile(Path(file).expanduser()):
        raise CommandError(f"{target} is the file itself; name another by OUT")
    return target


def _page(file: str, as_of: str | None) -> str:
    try:
        # Few install what this needs, and importing it takes a second.
        from voucher_selector.explore import notebook, scenarios, sources  # noqa: PLC0415
    except ModuleNotFoundError as error:
        said = f"{error.name} is not installed; make profile adds it to .venv"
        raise CommandError(said, Exit.STACK) from None
    name = file if file.startswith(S3) else str(readable(file).resolve())
    # What is wrong with the file is told before a notebook is started for it.
    explored = sources.find_file(name, as_of)
    scenarios.count_scenario(explored, explored.as_of)
    title = f"{name.rsplit('/', 1)[-1]}: voucher uses"
    return notebook.render_html(notebook.run_notebook(FILE=name, AS_OF=as_of or ""), title)

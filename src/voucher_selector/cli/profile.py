"""The command `profile`."""

from pathlib import Path

import click
from rich.markup import escape

from voucher_selector.cli import options, screen
from voucher_selector.error_messages import name_variables
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.upload import AS_PARQUET, PROFILE, list_files, refuse_tables, require_file

S3 = "s3://"


@options.command(
    "make profile FILE=vouchers.parquet",
    "make profile FILE=vouchers.parquet AS_OF=2020-06-15 OUT=june.html",
    "voucher-selector profile s3://uploads/vouchers/august.parquet --as-of row",
    "voucher-selector profile years june.parquet --columns country_code=country",
)
@options.argument("file", nargs=-1, required=True)
@options.option(
    "--out",
    help="Path of the page, if there is one FILE; default: beside the file, or in this directory for S3.",
)
@options.as_of_option
@options.columns_option
def profile(file: tuple[str, ...], out: str | None, as_of: str | None, columns: str | None) -> None:
    """Explore each FILE, and write the results as one HTML page.

    FILE is a path, a folder with all its files, or an s3://… object of the stack. The page is the notebook
    without its code, and loads no other file. If a file cannot be counted, its page shows the columns and
    the reason, and the exit code is 1.
    """
    names = [name for given in file for name in _files(given)]
    if out and len(names) > 1:
        raise CommandError(f"{options.spelled('out')} names one page, but there are {len(names)} files")
    errors = []
    for name in names:
        try:
            _write_page(name, _target(name, out), as_of, columns)
        except CommandError as error:
            errors.append(error)
            if len(names) > 1:
                screen.err.print(escape(name_variables(str(error))), soft_wrap=True)
    if len(names) == len(errors) == 1:
        raise errors[0]
    if errors:
        problem = f"{len(errors):,} of {len(names):,} files cannot be counted"
        raise CommandError(problem, max(error.code for error in errors))


def _files(given: str) -> list[str]:
    """Return the names of the files for an argument: itself, or the files in the folder."""
    folder = Path(given).expanduser()
    if not given.startswith(S3):
        refuse_tables(given, "explored", AS_PARQUET)
    if given.startswith(S3) or not folder.is_dir():
        return [given]
    return [str(path) for path in list_files(folder)]


def _write_page(file: str, target: Path, as_of: str | None, columns: str | None) -> None:
    """Write the page of a file, and print its name.

    Raises:
        CommandError: if the file cannot be counted; it has a page if it is Parquet.
    """
    uncounted: CommandError | None = None
    with screen.step(f"Exploring {file}"):
        try:
            from voucher_selector.explore import notebook, scenarios, sources  # noqa: PLC0415 - a notebook is optional, and slow
        except ModuleNotFoundError as error:
            message = f"{error.name} is not installed. Install it: make .venv/.explore"
            raise CommandError(message, Exit.STACK) from None
        name = file if file.startswith(S3) else str(require_file(file).resolve())
        explored = sources.find_file(name, as_of, columns)
        try:
            scenarios.count_scenario(explored, explored.as_of)
        except sources.ExploreError as error:
            uncounted = error
        title = f"{name.rsplit('/', 1)[-1]}: voucher uses"
        try:
            explored_notebook = notebook.run_notebook(
                FILE=name, AS_OF=as_of or "", COLUMN_NAMES=columns or ""
            )
        except sources.ExploreError as error:
            raise uncounted or error from None
        target.write_text(notebook.render_html(explored_notebook, title), encoding="utf-8")
    click.echo(str(target))
    if uncounted:
        raise uncounted


def _target(file: str, out: str | None) -> Path:
    name = file.rsplit("/", 1)[-1].partition(".parquet")[0]
    folder = Path() if file.startswith(S3) else Path(file).expanduser().parent
    target = Path(out).expanduser() if out else folder / f"{name or 'file'}{PROFILE}"
    advice = f"Name another file with {options.spelled('out')}"
    if target.is_dir() or not target.parent.is_dir():
        raise CommandError(f"{target} is a folder, or its folder does not exist. {advice}")
    if target.exists() and not file.startswith(S3) and target.samefile(Path(file).expanduser()):
        raise CommandError(f"{target} is the explored file itself. {advice}")
    return target

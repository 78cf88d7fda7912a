"""Output: results on standard output, progress on standard error."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.table import Table

out = Console(highlight=False)
if not out.is_terminal and not os.environ.get("COLUMNS"):
    out.width = 10_000  # a pipe has no width, and grep does not find a name that is broken into lines
err = Console(stderr=True, highlight=False)


def wait_for_interrupt() -> None:
    """Print ``ready``, and wait for Ctrl-C or SIGTERM, which no longer raise from then on."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    click.echo("ready")
    stop.wait()


def warn(sentence: str) -> None:
    """Print a warning on standard error."""
    err.print(f"[yellow]Warning: {escape(sentence)}[/]", soft_wrap=True)


def print_json(data: object) -> None:
    """Print a JSON document."""
    click.echo(json.dumps(data))


def print_table(texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows; ``texts`` and ``numbers`` are the titles of the left and the right columns."""
    table = Table()
    for title in texts:
        table.add_column(title, overflow="fold")
    for title in numbers:
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show a title while the block runs, and the seconds it took when it succeeds."""
    with _timed(title), err.status(title):
        yield


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar while the block runs; yield the function that advances it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    display = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with _timed(title), display as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.advance(task, done)


@contextmanager
def _timed(title: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    err.print(f"[green]✓[/] {escape(title)} [dim]{time.monotonic() - started:.1f} s[/]", soft_wrap=True)

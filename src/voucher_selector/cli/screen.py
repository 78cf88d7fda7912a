"""What the commands show: results on standard output, what is going on on standard error."""

from __future__ import annotations

import json
import signal
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def wait_for_interrupt() -> None:
    """Say that all is ready, and wait for Ctrl-C or SIGTERM, which from now on are no failure."""
    told = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    click.echo("ready")
    told.wait()


def print_json(data: object) -> None:
    """Print data for a program to read."""
    click.echo(json.dumps(data))


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Say what is being done while the block runs, and how long it took once it is done."""
    with _timed(doing), err.status(doing):
        yield


@contextmanager
def bar(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Do as ``step`` does, with a progress bar; yield what moves it on."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    shown = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with _timed(doing), shown as progress:
        task = progress.add_task(doing, total=total)
        yield lambda done: progress.advance(task, done)


@contextmanager
def _timed(doing: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    err.print(f"[green]✓[/] {escape(doing)} [dim]{time.monotonic() - started:.1f} s[/]", soft_wrap=True)

"""What the commands' help and options have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., object]

json_option: Callable[[Command], Command] = click.option(
    "--json", "as_json", is_flag=True, help="Print the data as one JSON document, and nothing else."
)


def examples(*lines: str) -> str:
    """Return the end of a command's help: what may be typed, a line each."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))

"""Writer of docs/reference/performance.md: each benchmark replaces the text between its two marks."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "performance.md"


def write(part: str, text: str, command: str, page: Path = PAGE) -> None:
    """Replace the text between the marks of ``part``; begin with the command, the machine and the date.

    Raises:
        ValueError: if the page lacks the marks.
    """
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->\n"
    before, found, rest = page.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(
            f"{page} has no marks for {part}: it needs the lines {begin.strip()} and {end.strip()}"
        )
    source = f"`{command}`, on a machine with {machine()}, {datetime.now(UTC):%Y-%m-%d}."
    page.write_text(f"{before}{begin}\n{source}\n\n{text.strip()}\n\n{end}{after}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are right-aligned."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine() -> str:
    """Return a description of the machine: cores, architecture and system."""
    return f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})"

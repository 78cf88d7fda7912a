"""The documents of the project, and the links, commands and paths in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
LINK = re.compile(r'\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"')
ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=")
SEPARATORS = {"|", "||", "&&", ";"}


def text(name: str) -> str:
    """Return a document, by its path in the repository."""
    return (ROOT / name).read_text()


def prose(document: str) -> str:
    """Return a document without its blocks of code."""
    return FENCE.sub("", document)


def blocks(document: str) -> list[str]:
    """Return the blocks of code of a document."""
    return [code for _, code in FENCE.findall(document)]


def spans(document: str) -> list[str]:
    """Return the pieces of code in the prose of a document."""
    return [code.strip() for _, code in SPAN.findall(prose(document))]


def links(document: str) -> list[str]:
    """Return the targets of a document's links and pictures."""
    plain = SPAN.sub("", prose(document))
    return [markdown or html for markdown, html in LINK.findall(plain)]


def headings(document: str) -> list[str]:
    """Return the headings of a document, without their marks."""
    return re.findall(r"^#{1,6} +(.+?) *$", prose(document), re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command in a document: its words, without the variables that are set before it."""

    variables: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of the program, without its folder."""
        return self.words[0].rsplit("/", 1)[-1]


def commands(document: str) -> Iterator[Command]:
    """Yield the commands in a document: those in its blocks of code, line by line, and in its prose."""
    for block in blocks(document):
        yield from (found for line in block.replace("\\\n", " ").splitlines() for found in _commands(line))
    for span in spans(document):
        yield from _commands(span)


def _commands(line: str) -> Iterator[Command]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in SEPARATORS:
            command.append(word)
        elif command:
            count = next((n for n, w in enumerate(command) if not ASSIGNMENT.match(w)), len(command))
            variables = tuple(match[1] for w in command[:count] if (match := ASSIGNMENT.match(w)))
            if command[count:]:
                yield Command(variables, tuple(command[count:]))
            command = []

"""The contents of a page that was rendered from a notebook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

FETCHED = re.compile(r"(?:@import|url\()\s*['\"]?([^'\")\s;]*)", re.IGNORECASE)
FETCHING = {"src", "srcset", "href", "xlink:href", "data", "poster", "action", "formaction", "background"}


@dataclass
class Page(HTMLParser):
    """A parsed page.

    ``tables`` are lists of rows of cells, by the caption, or else the first cell; ``resources`` is all that a
    browser would fetch.
    """

    source: str
    title: str = ""
    text: str = ""
    tags: set[str] = field(default_factory=set)
    handlers: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    alternatives: list[str | None] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _rows: list[list[str]] = field(default_factory=list)
    _caption: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.resources += FETCHED.findall(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.resources += [value or "" for name, value in attrs if name in FETCHING]
        if tag == "img":
            self.alternatives.append(dict(attrs).get("alt"))
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.tables[self._caption or self._rows[0][0]] = self._rows[1:]
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        within = self._open[-1] if self._open else ""
        if within == "title":
            self.title += data
        elif within == "caption":
            self._caption += data
        elif within in {"td", "th"}:
            self._rows[-1][-1] += data
        if within != "style":
            self.text += data

    def table(self, caption: str) -> list[list[str]]:
        """Return the rows of the only table whose caption starts with ``caption``."""
        (found,) = [rows for name, rows in self.tables.items() if name.startswith(caption)]
        return found

"""Sends the example requests of docs/reference/api.md, and checks that it describes every kind of problem."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from api import dependencies
from api.http.errors import ApiError, InternalError, RequestError, UnavailableError
from tests.support.api_gateway import call, rest_event
from tests.support.fake_s3 import FakeS3
from tests.support.fake_sources_table import fake_sources_table
from vouchers.counts import spellings_cell

if TYPE_CHECKING:
    from tests.support.api_gateway import Answer
    from tests.support.fake_segments_table import CountedTable

pytestmark = pytest.mark.disable_socket

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text()
ERRORS: list[type[ApiError]] = [RequestError, *RequestError.__subclasses__(), UnavailableError, InternalError]
BLOCKS = re.findall(r"^```(?:json)?\n(.*?)\n```$", PAGE, flags=re.MULTILINE | re.DOTALL)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def examples() -> list[tuple[str, str]]:
    """Return each command with its output in the documentation: the next line, or the next block."""
    found = []
    for block, following in zip(BLOCKS, [*BLOCKS[1:], ""], strict=True):
        lines = block.splitlines()
        for line, next_line in zip(lines, [*lines[1:], following], strict=True):
            if line.startswith("curl") and not next_line.startswith(("curl", "#")):
                found.append((line, next_line))
    return found


def ask(command: str) -> Answer:
    words = shlex.split(command)[1:]
    body = words[words.index("-d") + 1] if "-d" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
    url = urlsplit(words[-1])
    query = dict(parse_qsl(url.query)) or None
    accept = "text/csv" if "Accept: text/csv" in words else "*/*"
    return call(rest_event(method, url.path, query=query, body=body, Accept=accept))


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch, counted: CountedTable) -> None:
    counted.counts[spellings_cell("Peru")] = {"Peru": 106547}
    monkeypatch.setattr(dependencies, "sources_table", fake_sources_table)
    monkeypatch.setattr(dependencies, "s3_client", FakeS3)
    monkeypatch.setenv("PAGE_UPLOADS_BUCKET", "voucher-uploads")
    monkeypatch.setenv("RESULTS_BUCKET", "voucher-results")


def test_there_are_examples_of_every_route_and_of_errors() -> None:
    assert len(examples()) >= 8


@pytest.mark.parametrize(("command", "printed"), examples())
def test_examples_print_what_the_page_shows(command: str, printed: str) -> None:
    parts = [compact(part) for part in printed.split("…")]
    answered = compact(ask(command).body)
    if len(parts) == 1 and parts[0].startswith("{"):
        assert answered == parts[0]
    place = 0
    for part in parts:
        assert part in answered[place:]
        place = answered.index(part, place) + len(part)


def compact(text: str) -> str:
    """Remove times, and whitespace outside strings."""
    return re.sub(r"\s*([{}\[\],:])\s*", r"\1", MOMENT.sub("", text)).replace("\r", "").strip()


@pytest.mark.parametrize("kind", [error.kind for error in ERRORS])
def test_every_kind_of_problem_is_on_the_page(kind: str) -> None:
    assert f"`…:{kind}`" in PAGE


def routes() -> list[str]:
    return call(rest_event(path="/unknown")).message.split("use one of: ")[1].split(", ")


@pytest.mark.parametrize("route", routes())
def test_every_route_has_a_section(route: str) -> None:
    assert re.search(rf"^## .*`[A-Z]+ {re.escape(route)}`", PAGE, flags=re.MULTILINE)


def fields(value: Any) -> set[str]:
    """Return the names of all fields in an answer."""
    if isinstance(value, list):
        return set().union(*map(fields, value))
    if isinstance(value, dict):
        return set(value).union(*map(fields, value.values()))
    return set()


@pytest.mark.parametrize("command", [command for command, _ in examples() if "csv" not in command])
def test_every_field_of_an_answer_is_on_the_page(command: str) -> None:
    assert [name for name in fields(ask(command).json) - {"Peru"} if name not in PAGE] == []

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from api import dependencies
from api.cached_table import TTLCache
from api.http import middleware as cors
from tests.support.api_gateway import call, rest_event
from tests.support.fake_segments_table import CountedTable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.disable_socket

EVENTS = [
    rest_event("GET", "/v1/countries", Origin="https://crm.example.com"),
    rest_event("POST", "/v1/selections", body="{", Origin="https://crm.example.com"),
    rest_event("GET", "/nowhere", Origin="https://crm.example.com"),
    rest_event("GET", body="{", Origin="https://crm.example.com"),
]
PREFLIGHT = rest_event("OPTIONS", "/v1/selections", Origin="https://crm.example.com")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(dependencies, "segments_table", CountedTable)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: TTLCache(0))
    monkeypatch.delenv("CORS_ORIGIN", raising=False)
    cors.cors_origin.cache_clear()
    yield
    cors.cors_origin.cache_clear()


def reported(event: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in call(event).headers.items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize("event", [*EVENTS, PREFLIGHT])
@pytest.mark.parametrize("written", [None, "", " "])
def test_no_other_origin_is_allowed_by_default(
    monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], written: str | None
) -> None:
    if written is not None:
        monkeypatch.setenv("CORS_ORIGIN", written)
    assert reported(event) == {}


@pytest.mark.parametrize("origin", ["https://crm.example.com", "*"])
@pytest.mark.parametrize("event", EVENTS)
def test_pages_of_the_configured_origin_may_read_every_answer(
    monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], origin: str
) -> None:
    monkeypatch.setenv("CORS_ORIGIN", origin)
    headers = reported(event)
    assert headers["Access-Control-Allow-Origin"] == origin
    assert {"ETag", "X-Request-Id"} <= set(headers["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_preflight_answer_lists_methods_and_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGIN", "https://crm.example.com")
    headers = reported(PREFLIGHT)
    assert headers["Access-Control-Allow-Origin"] == "https://crm.example.com"
    assert headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert "Authorization" in headers["Access-Control-Allow-Headers"]
    assert int(headers["Access-Control-Max-Age"]) > 0

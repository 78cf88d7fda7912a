"""A custom domain with a base path, which API Gateway adds to the path of an event."""

from __future__ import annotations

from typing import Any

import pytest

from api import dependencies
from api.http.routing import remove_base_path
from tests.support.api_gateway import call, rest_event
from tests.support.fake_sources_table import fake_sources_table
from tests.unit.api.test_handler import QUERY

BASES = ["/base", "/shop/vouchers", "/v1", "/v1/sources"]


def event(resource: str, path: str, proxy: str | None) -> dict[str, Any]:
    parameters = None if proxy is None else {"proxy": proxy}
    return rest_event() | {"resource": resource, "path": path, "pathParameters": parameters}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/", "/static/page.css"])
def test_a_route_answers_below_a_base_path_as_without(base: str, path: str) -> None:
    below, without = call(rest_event(path=path, base_path=base)), call(rest_event(path=path))
    assert (below.status, below.body) == (without.status, without.body)
    assert below.status == 200


@pytest.mark.parametrize("base", BASES)
def test_a_voucher_is_chosen_below_a_base_path(base: str) -> None:
    answer = call(rest_event(query=QUERY, base_path=base))
    assert (answer.status, answer.json) == (200, {"voucher_amount": [2640.0]})


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", ["/v1/unknown", "/unknown"])
def test_an_unknown_route_is_named_without_the_base_path(base: str, path: str) -> None:
    below, without = call(rest_event(path=path, base_path=base)), call(rest_event(path=path))
    assert (below.status, below.message) == (without.status, without.message)
    assert below.headers["Content-Type"] == without.headers["Content-Type"]


@pytest.mark.parametrize(("base", "below"), [("", "/prod"), ("/base", "/base"), ("/v1", "/v1")])
def test_the_link_to_the_next_page_is_the_url_that_was_called(
    monkeypatch: pytest.MonkeyPatch, base: str, below: str
) -> None:
    monkeypatch.setattr(dependencies, "sources_table", fake_sources_table)
    answer = call(rest_event(path="/v1/sources", query={"limit": "1"}, base_path=base))
    url = f"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com{below}/v1/sources"
    cursor = answer.json["next_cursor"]
    assert answer.headers["Link"] == f'<{url}?limit=1&cursor={cursor}>; rel="next"'


def test_the_link_is_relative_if_the_event_has_no_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emulators call the function without a domain, and with another path than the caller's."""
    monkeypatch.setattr(dependencies, "sources_table", fake_sources_table)
    event = rest_event(path="/v1/sources", query={"limit": "1"})
    del event["requestContext"]["domainName"]
    assert call(event).headers["Link"].startswith("<?limit=1&cursor=")


def test_the_description_has_the_base_path() -> None:
    assert call(rest_event(path="/openapi.json", base_path="/base")).json["servers"] == [{"url": "."}]


@pytest.mark.parametrize("base", ["", *BASES])
@pytest.mark.parametrize("key", ["vouchers/a.parquet", "vouchers%2Fa%20b.parquet", "100%25", "v1/v1"])
@pytest.mark.parametrize("decoded", [False, True])
def test_a_key_is_the_one_of_the_path(base: str, key: str, decoded: bool) -> None:
    """API Gateway does not document whether it decodes path parameters."""
    proxy = key.replace("%2F", "/").replace("%20", " ").replace("%25", "%") if decoded else key
    given = event("/v1/{proxy+}", f"{base}/v1/sources/{key}", f"sources/{proxy}")
    assert remove_base_path(given)["path"] == f"/v1/sources/{key}"


@pytest.mark.parametrize("resource", ["/", "/v1"])
@pytest.mark.parametrize("base", ["", *BASES])
def test_a_resource_without_parameters_is_the_path(resource: str, base: str) -> None:
    assert remove_base_path(event(resource, base + resource, None))["path"] == resource
    assert remove_base_path(event("/", base or "/", None))["path"] == "/"


@pytest.mark.parametrize("path", ["//health", "/%2Fhealth", "/health/", "health", ""])
def test_an_odd_path_stays_as_it_is(path: str) -> None:
    assert remove_base_path(event("/{proxy+}", path, "health"))["path"] == path

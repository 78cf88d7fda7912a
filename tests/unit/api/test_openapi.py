from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta

from api import handler
from api.routes.selections import SelectionsFields, SelectionsRequest
from api.routes.vouchers import VoucherFields
from tests.support.api_gateway import call, rest_event
from vouchers.segments import load_definitions

DESCRIPTION: dict[str, Any] = call(rest_event(path="/openapi.json")).json
PATHS: dict[str, dict[str, Any]] = DESCRIPTION["paths"]
SCHEMAS: dict[str, dict[str, Any]] = DESCRIPTION["components"]["schemas"]
REQUESTS = ("VoucherFields", "SelectionsRequest")


def routes() -> dict[str, set[str]]:
    """Return the methods of each route."""
    named = call(rest_event(path="/unknown")).message.split("use one of: ")[1].split(", ")
    allowed = {path: call(rest_event("OPTIONS", path)).headers["Allow"] for path in named}
    return {path: set(methods.split(", ")) - {"HEAD", "OPTIONS"} for path, methods in allowed.items()}


def test_the_description_has_exactly_the_routes() -> None:
    described = {path: {method.upper() for method in methods} for path, methods in PATHS.items()}
    assert described == routes()


def test_the_description_is_openapi_3_1_and_cacheable() -> None:
    answer = call(rest_event(path="/openapi.json"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["openapi"] == "3.1.0"
    again = call(rest_event(path="/openapi.json", If_None_Match=answer.headers["ETag"]))
    assert again.status == 304


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_type_is_a_json_schema_with_a_description(name: str) -> None:
    meta.validate(SCHEMAS[name])
    assert SCHEMAS[name]["description"]


def test_every_reference_resolves() -> None:
    for reference in re.findall(r'"\$ref":"([^"]+)"', json.dumps(DESCRIPTION, separators=(",", ":"))):
        place: Any = DESCRIPTION
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place


@pytest.mark.parametrize("name", REQUESTS)
def test_every_field_of_a_request_is_described(name: str) -> None:
    properties = SCHEMAS[name]["properties"]
    assert [field for field, schema in properties.items() if not schema.get("description")] == []


def test_every_parameter_is_described_and_not_nullable() -> None:
    parameters = [
        parameter for path in PATHS.values() for one in path.values() for parameter in one["parameters"]
    ]
    assert len(parameters) > 10
    for parameter in parameters:
        assert parameter["description"]
        assert "null" not in json.dumps(parameter["schema"])


def test_every_operation_has_the_responses_of_api_gateway() -> None:
    operations = [operation for path in PATHS.values() for operation in path.values()]
    assert {frozenset(operation["responses"]) & {"403", "429"} for operation in operations} == {
        frozenset({"403", "429"})
    }


def test_fields_for_a_segment_list_the_segments() -> None:
    names = list(load_definitions().names)
    assert SCHEMAS["VoucherFields"]["properties"]["segment_name"]["enum"] == names
    segment = next(
        parameter for parameter in PATHS["/v1/counts"]["get"]["parameters"] if parameter["name"] == "segment"
    )
    assert segment["schema"]["enum"] == names


def test_the_described_types_match_the_parsed_ones() -> None:
    assert SelectionsRequest.__struct_fields__ == SelectionsFields.__struct_fields__
    customers = SCHEMAS["SelectionsRequest"]["properties"]["customers"]
    assert customers["items"] == {"$ref": "#/components/schemas/VoucherFields"}
    assert (customers["minItems"], customers["maxItems"]) == (1, 100)
    assert set(SCHEMAS["VoucherFields"]["properties"]) == set(VoucherFields.__struct_fields__)


@pytest.mark.parametrize(
    "operation", [route for route in handler.ROUTES if route.body], ids=lambda route: route.operation_id
)
def test_every_example_matches_its_type(operation: Any) -> None:
    name = operation.body
    schema = {"$ref": f"#/components/schemas/{name}", "components": DESCRIPTION["components"]}
    assert Draft202012Validator(schema).is_valid(operation.example)
    assert not Draft202012Validator(schema).is_valid({**operation.example, "fallback": "world"})


@pytest.mark.parametrize(
    ("orders", "right"), [(15, True), (4.5, True), ("15", True), ("15.0", True), (-1, False), ("many", False)]
)
def test_the_number_of_orders_may_be_a_string(orders: object, right: bool) -> None:
    schema = {"$ref": "#/components/schemas/VoucherFields", "components": DESCRIPTION["components"]}
    fields = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": orders}
    assert Draft202012Validator(schema).is_valid(fields) is right
    answer = call(rest_event("POST", "/v1/selections", body=json.dumps({"customers": [fields]})))
    assert (answer.json["selections"][0]["outcome"] == "selected") is right


def test_every_view_and_type_of_the_routes_exists() -> None:
    for route in handler.ROUTES:
        assert callable(route.load())
        assert all(route.load(name) for name in (route.query, route.body, route.answer) if name)


def test_operation_ids_are_unique() -> None:
    names = [route.operation_id for route in handler.ROUTES]
    assert len(set(names)) == len(names)


class Page(HTMLParser):
    """Parses a page: its open elements, ids and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.seen: set[str] = set()
        self.style = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        assert not {"src", "style", "srcset", "action"} & set(given)
        assert not [name for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data


@pytest.fixture(scope="module")
def page() -> Page:
    answer = call(rest_event(path="/docs"))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    read = Page()
    read.feed(answer.body)
    assert read.open == []
    return read


def test_the_page_shows_every_route_and_every_type(page: Page) -> None:
    assert {route.operation_id for route in handler.ROUTES} | set(SCHEMAS) == set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    body = call(rest_event(path="/docs")).body
    for path in PATHS:
        assert f"<code>{path}</code>" in body


def test_the_page_makes_no_requests(page: Page) -> None:
    within = {f"#{name}" for name in page.ids}
    assert set(page.links) - within == {"openapi.json"}
    assert not page.seen & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_the_policy_allows_only_the_pages_own_style(page: Page) -> None:
    headers = call(rest_event(path="/docs")).headers
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"

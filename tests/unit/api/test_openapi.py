from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator, meta

from api import handler
from api.routes.selections import SelectionsFields, SelectionsRequest
from api.routes.vouchers import VoucherFields
from tests.support.api_gateway import call, rest_event
from vouchers.segments import load_definitions
from vouchers.text import country_key
from vouchers.timestamps import TIMESTAMP_PATTERN, parse_timestamp

DESCRIPTION: dict[str, Any] = call(rest_event(path="/openapi.json")).json
PATHS: dict[str, dict[str, Any]] = DESCRIPTION["paths"]
SCHEMAS: dict[str, dict[str, Any]] = DESCRIPTION["components"]["schemas"]
OPERATIONS = [operation for path in PATHS.values() for operation in path.values()]
REQUESTS = ("VoucherFields", "CustomerFields", "SelectionsRequest")


def routes() -> dict[str, set[str]]:
    """Return the methods of each route."""
    named = call(rest_event(path="/unknown")).message.split("use one of: ")[1].split(", ")
    allowed = {path: call(rest_event("OPTIONS", path)).headers["Allow"] for path in named}
    return {path: set(methods.split(", ")) - {"HEAD", "OPTIONS"} for path, methods in allowed.items()}


def test_the_description_has_exactly_the_routes_for_programs() -> None:
    described = {path: {method.upper() for method in methods} for path, methods in PATHS.items()}
    for_people = {path: {"GET"} for path in ("/", "/static/{file}", "/openapi.json")}
    assert described | for_people == routes()
    assert not described.keys() & for_people.keys()


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
    for operation in OPERATIONS:
        for status in ("403", "429"):
            [content] = operation["responses"][status]["content"].values()
            assert content["schema"] == {"$ref": "#/components/schemas/GatewayError"}


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
    assert customers["items"] == {"$ref": "#/components/schemas/CustomerFields"}
    assert (customers["minItems"], customers["maxItems"]) == (1, 100)
    assert set(SCHEMAS["VoucherFields"]["properties"]) == set(VoucherFields.__struct_fields__)


def contents(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any], Any]]:
    """Return the name, the schema and the example of each parameter and body of an operation."""
    found = [(given["name"], given["schema"], given.get("example")) for given in operation["parameters"]]
    described = [operation["requestBody"]] if "requestBody" in operation else []
    for part in [*described, *operation["responses"].values()]:
        found += [
            ("body", content["schema"], content["example"]) for content in part.get("content", {}).values()
        ]
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation["operationId"])
def test_every_body_has_an_example_that_matches_its_schema(operation: dict[str, Any]) -> None:
    for name, schema, example in contents(operation):
        validator = Draft202012Validator(
            {**schema, "components": DESCRIPTION["components"]}, validate_formats=True
        )
        assert example is not None or name != "body"
        assert example is None or validator.is_valid(example), list(validator.iter_errors(example))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation["operationId"])
def test_every_operation_has_a_tag_and_a_title(operation: dict[str, Any]) -> None:
    assert {*operation["tags"]} <= {tag["name"] for tag in DESCRIPTION["tags"]}
    assert len(operation["tags"]) == 1
    assert operation["summary"][-1] != "."


def test_no_field_has_a_default_of_null() -> None:
    assert '"default": null' not in json.dumps(DESCRIPTION)


def test_every_moment_of_an_answer_is_a_date_time() -> None:
    moments = [
        (name, field, schema)
        for name, type_ in SCHEMAS.items()
        for field, schema in type_["properties"].items()
        if field.endswith("_at") or (name, field) == ("SelectionsAnswer", "as_of")
    ]
    assert len(moments) > 8
    for _, _, schema in moments:
        assert {"type": "string", "format": "date-time"}.items() <= schema.get("anyOf", [schema])[0].items()


@pytest.mark.parametrize(
    "text",
    [
        "2018-05-03",
        "2018-05-03T14:30:00Z",
        "2018-05-03T14:30:00.5+02:00",
        "2018-05-03 14:30",
        "20180503",
        "",
        " ",
    ],
)
def test_a_time_of_a_request_may_be_written_in_every_accepted_way(text: str) -> None:
    schema = SCHEMAS["VoucherFields"]["properties"]["last_order_ts"]
    assert Draft202012Validator(schema, validate_formats=True).is_valid(text)
    assert not Draft202012Validator(schema, validate_formats=True).is_valid(f"{text}!")
    assert {"type": "string", "format": "date-time"} in schema["anyOf"]


@pytest.mark.parametrize(
    ("orders", "right"), [(15, True), (4.5, True), ("15", True), ("15.0", True), (-1, False), ("many", False)]
)
def test_the_number_of_orders_may_be_a_string(orders: object, right: bool) -> None:
    schema = {"$ref": "#/components/schemas/VoucherFields", "components": DESCRIPTION["components"]}
    fields = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": orders}
    assert Draft202012Validator(schema).is_valid(fields) is right
    answer = call(rest_event("POST", "/v1/selections", body=json.dumps({"customers": [fields]})))
    assert (answer.json["selections"][0]["outcome"] == "selected") is right


@given(st.text(st.sampled_from(" \t\u00a0\u200b\u200d\u200f\u2060\ufeffx")))
def test_a_country_that_matches_its_schema_has_a_name(text: str) -> None:
    schema = SCHEMAS["VoucherFields"]["properties"]["country_code"]
    assert Draft202012Validator(schema).is_valid(text) == bool(country_key(text))


@given(st.from_regex(TIMESTAMP_PATTERN, fullmatch=True))
def test_a_time_that_matches_its_schema_exists(text: str) -> None:
    try:
        parse_timestamp(text)
    except ValueError:
        assert text.startswith(("0001-01-01", "9999-12-31"))  # with an offset, outside the years 1 to 9999


def test_every_view_and_type_of_the_routes_exists() -> None:
    for route in handler.ROUTES:
        assert callable(route.load())
        assert all(route.load(name) for name in (route.query, route.body, route.answer) if name)


def test_a_link_leads_to_an_operation_with_its_parameters() -> None:
    links = [link for one in OPERATIONS for link in one["responses"]["200"].get("links", {}).values()]
    assert links
    for link in links:
        [target] = [one for one in OPERATIONS if one["operationId"] == link["operationId"]]
        assert set(link["parameters"]) <= {parameter["name"] for parameter in target["parameters"]}


def test_operation_ids_are_unique() -> None:
    names = [route.operation_id for route in handler.ROUTES if route.operation_id]
    assert len(set(names)) == len(names)

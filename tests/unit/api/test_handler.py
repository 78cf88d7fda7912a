from __future__ import annotations

import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest

from api import dependencies
from api.cached_table import TTLCache
from api.dependencies import segments_table
from api.http.errors import ApiError, InternalError, RequestError, UnavailableError
from api.http.middleware import logger
from tests.support.api_gateway import CUSTOMER, REQUEST_ID, call, rest_event
from tests.support.fake_segments_table import REFERENCE_COUNTS, UPDATED_AT, CountedTable
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.disable_socket

ASKED = CUSTOMER | {"customer_id": "c-4711"}
BODY = json.dumps(ASKED)
QUERY = {name: str(value) for name, value in ASKED.items()}
ROUTES = [
    "/",
    "/static/{file}",
    "/voucher_amount",
    "/v1/selections",
    "/v1/segments",
    "/v1/countries",
    "/v1/choices",
    "/v1/counts",
    "/v1/history",
    "/v1/sources",
    "/v1/sources/{key}",
    "/v1/rejected",
    "/v1/uploads",
    "/health",
    "/openapi.json",
]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    return written


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> CountedTable:
        raise error

    monkeypatch.setattr(dependencies, "segments_table", fail)


@pytest.mark.parametrize(
    "event",
    [
        rest_event("GET", body=BODY),
        rest_event("POST", body=BODY),
        rest_event("GET", query=QUERY),
        rest_event("POST", query=QUERY),
        rest_event("GET", "/voucher_amount/", body=BODY),
    ],
)
def test_the_reference_request_is_answered_byte_for_byte(event: dict[str, Any]) -> None:
    answer = call(event)
    assert answer.status == 200
    assert answer.body == '{"voucher_amount":[2640.0]}'
    assert answer.headers == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Request-Id": REQUEST_ID,
    }


def test_no_answer_is_an_empty_list() -> None:
    answer = call(rest_event(query=QUERY | {"segment_name": "frequent_segment", "total_orders": "4.5"}))
    assert (answer.status, answer.body) == (200, '{"voucher_amount":[]}')


def test_the_fallback_may_be_a_query_parameter_of_a_post() -> None:
    body = json.dumps(ASKED | {"segment_name": "frequent_segment", "total_orders": 4.5})
    answer = call(rest_event(query={"fallback": "country"}, body=body))
    assert (answer.status, answer.body) == (200, '{"voucher_amount":[2640.0]}')


def test_counts_are_the_reference_table() -> None:
    answer = call(rest_event(path="/v1/counts", query={"country": "peru"}))
    assert answer.status == 200
    assert list(answer.json) == ["country", "rows", "amounts_left_out", "updated_at", "currency"]
    assert (answer.json["country"], answer.json["updated_at"]) == ("Peru", UPDATED_AT)
    assert [tuple(row.values()) for row in answer.json["rows"]] == [
        (low, high, segment, amount, count)
        for (segment, low, high), counts in REFERENCE_COUNTS.items()
        for amount, count in counts.items()
    ]
    assert list(answer.json["rows"][0]) == [
        "min_range",
        "max_range",
        "segment_name",
        "voucher_amount",
        "count",
    ]


def test_counts_may_be_limited_to_one_segment() -> None:
    answer = call(rest_event(path="/v1/counts", query={"country": "Peru", "segment": "recency_segment"}))
    assert [row["count"] for row in answer.json["rows"]] == [13950, 49102, 22037, 21458]


def test_counts_of_undefined_ranges_are_left_out(counted: CountedTable) -> None:
    cell = next(cell for cell in counted.counts if cell.name == "recency_segment#180-99999999")
    counted.counts[cell._replace(name="recency_segment#1-2")] = {"5": 1}
    counted.counts[cell._replace(name="loyalty#0-4")] = {"5": 1}
    answer = call(rest_event(path="/v1/counts", query={"country": "Peru"}))
    assert len(answer.json["rows"]) == 20


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "country is missing: give a country's name, such as Peru"),
        ({"country": ""}, 'country must be a country\'s name, such as Peru, not ""'),
        (
            {"country": "Peru", "segment": "x"},
            'there is no segment "x"; use one of: recency_segment, frequent_segment',
        ),
    ],
)
def test_a_wrong_request_for_counts_is_refused(query: dict[str, str], message: str) -> None:
    assert call(rest_event(path="/v1/counts", query=query)).message == message


def test_health_has_the_version_of_the_definitions() -> None:
    answer = call(rest_event(path="/health"))
    assert answer.status == 200
    assert answer.json == {"status": "ok", "definitions": load_definitions().version}


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> TTLCache:
    """The cache of the handler, with entries for an hour."""
    ttl_cache = TTLCache(3600)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: ttl_cache)
    return ttl_cache


def age_entries(cache: TTLCache, seconds: float) -> None:
    for key, (read_at, value) in cache.entries.items():
        cache.entries[key] = read_at - seconds, value


@pytest.mark.parametrize("country", ["Peru", "Atlantis"])
def test_a_cached_answer_is_the_same_and_has_an_age(
    cache: TTLCache, lines: io.StringIO, counted: CountedTable, country: str
) -> None:
    event = rest_event(query=QUERY | {"country_code": country})
    first = call(event)
    assert "Age" not in first.headers
    counted.asked.clear()
    age_entries(cache, 1000)
    again = call(event)
    assert counted.asked == []
    assert (again.status, again.body) == (first.status, first.body)
    age = int(again.headers.pop("Age"))
    assert 1000 <= age < 1060
    assert again.headers == first.headers
    logged = [json.loads(line).get("age") for line in lines.getvalue().splitlines()]
    assert logged == [None, age]


def test_no_answer_is_older_than_the_cache_allows(cache: TTLCache, counted: CountedTable) -> None:
    event = rest_event(query=QUERY)
    call(event)
    counted.asked.clear()
    age_entries(cache, 3600)
    assert "Age" not in call(event).headers
    assert counted.asked == ["cell"]


def test_the_counts_route_is_never_cached(cache: TTLCache, counted: CountedTable) -> None:
    event = rest_event(path="/v1/counts", query={"country": "Peru"})
    assert "Age" not in call(event).headers
    assert "Age" not in call(event).headers
    assert counted.asked == ["country", "country"]
    assert cache.entries == {}


def test_unknown_countries_do_not_scan_the_table_each_time(cache: TTLCache, counted: CountedTable) -> None:
    for i in range(5):
        call(rest_event(query=QUERY | {"country_code": f"Atlantis {i}"}))
        call(rest_event(path="/v1/counts", query={"country": f"Atlantis {i}"}))
    assert cache.entries
    assert counted.asked.count("countries") == 1


REPEATED = rest_event(path="/v1/counts", query={"country": "Peru"}) | {
    "multiValueQueryStringParameters": {"country": ["Chile", "Peru"]}
}


def test_answers_are_not_cacheable_by_default() -> None:
    for event in rest_event(body=BODY), rest_event(path="/health"), rest_event(path="/nowhere"):
        assert call(event).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("event", "status", "message"),
    [
        (rest_event(body="{"), 400, "the body is not JSON"),
        (rest_event(body=BODY.replace("Peru", "")), 400, "country_code must be a country's name"),
        (rest_event(path="/v1/counts"), 400, "country is missing"),
        (REPEATED, 400, "country is given 2 times; give it once"),
        (rest_event(path="/v1/counts", query={"country": "Chile"}), 404, 'there are no counts for "Chile"; '),
        (rest_event(body=" " * 70000), 413, "the body has 70000 bytes; give at most 65536"),
    ],
)
def test_an_error_has_one_message(event: dict[str, Any], status: int, message: str) -> None:
    answer = call(event)
    assert answer.status == status
    assert answer.message.startswith(message)


def test_errors_are_problem_details_under_v1_only() -> None:
    event = rest_event(query=QUERY | {"country_code": "Chile"})
    assert list(call(event).json) == ["message"]
    assert call(event).headers["Content-Type"] == "application/json"
    answer = call(rest_event(path="/v1/counts", query={"country": "Chile"}))
    assert answer.problem == {
        "type": "urn:problem-type:voucher-selector:unknown-country",
        "title": "The country has no counts",
        "status": 404,
        "detail": 'there are no counts for "Chile"; use one of: Peru',
        "message": 'there are no counts for "Chile"; use one of: Peru',
        "request_id": REQUEST_ID,
    }


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/v1/counts", {}, "country"),
        ("/v1/counts", {"country": ""}, "country"),
        ("/v1/counts", {"country": "Peru", "segment": "loyalty"}, "segment"),
        ("/v1/segments", {"country": " "}, "country"),
    ],
)
def test_a_problem_names_the_field(path: str, query: dict[str, str], field: str) -> None:
    assert call(rest_event(path=path, query=query)).problem["field"] == field


def test_each_error_has_its_own_kind_and_title() -> None:
    errors: list[type[ApiError]] = [
        RequestError,
        *RequestError.__subclasses__(),
        UnavailableError,
        InternalError,
    ]
    kinds = [error.kind for error in errors]
    assert len(set(kinds)) == len(kinds)
    assert len({error.title for error in errors}) == len(kinds)


@pytest.mark.parametrize("path", ["/page", "/v2/counts", "/v1/", "/v1/none", "/voucher_amount/1", "/\ud800"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
def test_the_error_of_an_unknown_route_lists_the_routes(method: str, path: str) -> None:
    answer = call(rest_event(method, path))
    shown = path.replace("\ud800", "?")
    assert answer.status == 404
    assert answer.message == f"there is no route {shown}; use one of: {', '.join(ROUTES)}"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "GET, HEAD, OPTIONS"),
        ("/static/page.css", "GET, HEAD, OPTIONS"),
        ("/voucher_amount", "GET, HEAD, POST, OPTIONS"),
        ("/v1/selections", "POST, OPTIONS"),
        ("/v1/segments", "GET, HEAD, OPTIONS"),
        ("/v1/countries", "GET, HEAD, OPTIONS"),
        ("/v1/counts", "GET, HEAD, OPTIONS"),
        ("/v1/sources", "GET, HEAD, OPTIONS"),
        ("/v1/sources/a/b", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_route_lists_its_methods(path: str, allowed: str) -> None:
    refused = call(rest_event("DELETE", path))
    assert (refused.status, refused.headers["Allow"]) == (405, allowed)
    assert refused.message == f"this route does not accept DELETE; use {allowed}"
    options = call(rest_event("OPTIONS", path))
    assert (options.status, options.headers["Allow"], options.body) == (204, allowed, "")


@pytest.mark.parametrize("event", [{"query": QUERY}, {"query": {}}, {"path": "/nowhere"}])
def test_head_is_get_without_the_body(event: dict[str, Any]) -> None:
    get, head = call(rest_event("GET", **event)), call(rest_event("HEAD", **event))
    assert (head.status, head.headers) == (get.status, get.headers)
    assert head.body == ""


def test_an_internal_error_reveals_only_the_request_id(
    monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    failing(monkeypatch, RuntimeError("secret"))
    answer = call(rest_event(body=BODY))
    assert answer.status == 500
    assert answer.message == f"the request failed on our side; report the request id {REQUEST_ID}"
    logged = json.loads(lines.getvalue())
    assert (logged["level"], logged["status"], logged["request_id"]) == ("ERROR", 500, REQUEST_ID)
    assert "RuntimeError: secret" in logged["exception"]


def test_missing_settings_are_logged(monkeypatch: pytest.MonkeyPatch, lines: io.StringIO) -> None:
    monkeypatch.setattr(dependencies, "segments_table", segments_table)
    monkeypatch.delenv("SEGMENTS_TABLE", raising=False)
    segments_table.cache_clear()
    assert call(rest_event(body=BODY)).status == 500
    assert "SEGMENTS_TABLE is not set" in json.loads(lines.getvalue())["exception"]


def refusal(code: str, status: int) -> botocore.exceptions.ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(response, "GetItem")


@pytest.mark.parametrize(
    "error",
    [
        refusal("ProvisionedThroughputExceededException", 400),
        refusal("ThrottlingException", 400),
        refusal("RequestLimitExceeded", 400),
        refusal("InternalServerError", 500),
        refusal("ServiceUnavailable", 503),
        botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        botocore.exceptions.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        botocore.exceptions.ConnectionClosedError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_retryable_errors_are_a_503(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    failing(monkeypatch, error)
    answer = call(rest_event(body=BODY))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert answer.message == "the tables cannot be read at the moment; try again shortly"


def test_an_unreachable_endpoint_is_logged_without_a_stack_trace(
    monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    failing(monkeypatch, botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"))
    call(rest_event(body=BODY))
    logged = json.loads(lines.getvalue())
    assert logged["reason"] == 'Could not connect to the endpoint URL: "http://127.0.0.1:1"'
    assert (logged["level"], "exception" in logged) == ("ERROR", False)


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDeniedException", 400),
        refusal("ResourceNotFoundException", 400),
        botocore.exceptions.NoCredentialsError(),
    ],
)
def test_permanent_errors_are_a_500(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    failing(monkeypatch, error)
    assert call(rest_event(body=BODY)).status == 500


def test_a_request_leaves_one_log_line_and_one_metric(
    lines: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    call(rest_event("POST", body=BODY))
    logged, metric = json.loads(lines.getvalue()), json.loads(capsys.readouterr().out)
    assert logged.pop("duration_ms") > 0
    assert logged.pop("timestamp")
    assert logged == {
        "level": "INFO",
        "message": "POST /voucher_amount 200",
        "service": logged["service"],
        "method": "POST",
        "route": "/voucher_amount",
        "status": 200,
        "request_id": REQUEST_ID,
        "country": "Peru",
        "segment": "recency_segment",
    }
    assert metric["route"] == "/voucher_amount"
    assert metric["RequestDuration"][0] > 0


def test_country_and_segment_of_a_wrong_request_are_logged(lines: io.StringIO) -> None:
    call(rest_event(body=json.dumps(ASKED | {"total_orders": -1, "country_code": "x" * 1000})))
    logged = json.loads(lines.getvalue())
    assert (logged["status"], logged["segment"]) == (400, "recency_segment")
    assert logged["country"] == "x" * 60 + "…"


@pytest.mark.parametrize("body", [BODY, BODY.replace("15", "-1"), BODY.replace("Peru", "Chile"), BODY[:-1]])
def test_customers_are_not_logged(lines: io.StringIO, body: str) -> None:
    call(rest_event(body=body))
    assert "4711" not in lines.getvalue()


def test_unknown_paths_share_one_metric(lines: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    call(rest_event(path="/wp-login.php"))
    logged, metric = json.loads(lines.getvalue()), json.loads(capsys.readouterr().out)
    assert (logged["message"], logged["route"], metric["route"]) == (
        "GET /wp-login.php 404",
        "unknown",
        "unknown",
    )


CROSS_ORIGIN = [
    rest_event("GET", "/v1/countries", Origin="https://crm.example.com"),
    rest_event("POST", "/v1/selections", body="{", Origin="https://crm.example.com"),
    rest_event("GET", "/nowhere", Origin="https://crm.example.com"),
    rest_event("GET", body="{", Origin="https://crm.example.com"),
]
PREFLIGHT = rest_event("OPTIONS", "/v1/selections", Origin="https://crm.example.com")


@pytest.fixture
def set_cors_origin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that sets ``CORS_ORIGIN``, which is not set at first."""
    monkeypatch.delenv("CORS_ORIGIN", raising=False)
    return partial(monkeypatch.setenv, "CORS_ORIGIN")


def cors_headers(event: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in call(event).headers.items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize("event", [*CROSS_ORIGIN, PREFLIGHT])
@pytest.mark.parametrize("written", [None, "", " "])
def test_no_other_origin_is_allowed_by_default(
    set_cors_origin: Callable[[str], None], event: dict[str, Any], written: str | None
) -> None:
    if written is not None:
        set_cors_origin(written)
    assert cors_headers(event) == {}


@pytest.mark.parametrize("origin", ["https://crm.example.com", "*"])
@pytest.mark.parametrize("event", CROSS_ORIGIN)
def test_pages_of_the_configured_origin_may_read_every_answer(
    set_cors_origin: Callable[[str], None], event: dict[str, Any], origin: str
) -> None:
    set_cors_origin(origin)
    headers = cors_headers(event)
    assert headers["Access-Control-Allow-Origin"] == origin
    assert {"ETag", "X-Request-Id"} <= set(headers["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_preflight_answer_lists_methods_and_headers(set_cors_origin: Callable[[str], None]) -> None:
    set_cors_origin("https://crm.example.com")
    headers = cors_headers(PREFLIGHT)
    assert headers["Access-Control-Allow-Origin"] == "https://crm.example.com"
    assert headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert "Authorization" in headers["Access-Control-Allow-Headers"]
    assert int(headers["Access-Control-Max-Age"]) > 0

"""The API function: its table of routes, and the Lambda handler."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from api.http.middleware import request_middleware
from api.http.routing import Route, Router
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CUSTOMER = {
    "customer_id": 123,
    "country_code": "Peru",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
    "total_orders": 15,
    "segment_name": "recency_segment",
}
CACHED = "Counts may come from a cache; the header `Age` gives their age in seconds."

ROUTES = (
    Route(
        "GET",
        "/",
        "api.routes.static_page:index",
        "getDashboard",
        "The page for people who choose vouchers.",
        media_types=("text/html",),
    ),
    Route(
        "GET",
        "/static/{file}",
        "api.routes.static_page:static",
        "getDashboardFile",
        "A file of the page.",
        media_types=("text/css", "text/html", "text/javascript", "image/svg+xml"),
        errors=(404, 500),
    ),
    Route(
        "GET",
        "/voucher_amount",
        "api.routes.vouchers:voucher_amount",
        "getVoucherAmount",
        "The voucher amount that customers of the same country and range use most.",
        f"The fields may also be a JSON body, as for `POST`. {CACHED}",
        query="VoucherFields",
        answer="VoucherAnswer",
        errors=(400, 404, 413, 500, 503),
        cacheable=False,
    ),
    Route(
        "POST",
        "/voucher_amount",
        "api.routes.vouchers:voucher_amount",
        "postVoucherAmount",
        "The voucher amount that customers of the same country and range use most.",
        CACHED,
        body="VoucherFields",
        example=CUSTOMER,
        answer="VoucherAnswer",
        errors=(400, 404, 413, 500, 503),
        cacheable=False,
    ),
    Route(
        "POST",
        "/v1/selections",
        "api.routes.selections:select",
        "selectVouchers",
        "The voucher amounts of up to 100 customers, and the reasons.",
        f"Each customer has an answer or a problem, in the order of the request. {CACHED}",
        body="SelectionsRequest",
        example={"customers": [CUSTOMER], "as_of": "2018-08-05", "fallback": "country"},
        answer="SelectionsAnswer",
        errors=(400, 413, 500, 503),
        cacheable=False,
    ),
    Route(
        "GET",
        "/v1/segments",
        "api.routes.segments:segments",
        "getSegments",
        "The segments, with the counts of each range.",
        "For one country, also the amounts that are chosen, and how often each amount was used.",
        query="SegmentsFields",
        answer="SegmentsAnswer",
        errors=(400, 404, 500, 503),
    ),
    Route(
        "GET",
        "/v1/countries",
        "api.routes.segments:countries",
        "getCountries",
        "The countries that have counts.",
        answer="CountriesAnswer",
        errors=(500, 503),
    ),
    Route(
        "GET",
        "/v1/counts",
        "api.routes.counts:counts",
        "getCounts",
        "How often each amount was used in a country, by segment and range.",
        "Counts are never cached. CSV has a header line.",
        query="CountsFields",
        answer="CountsAnswer",
        media_types=("text/csv",),
        errors=(400, 404, 500, 503),
    ),
    Route(
        "GET",
        "/v1/sources",
        "api.routes.sources:list_sources",
        "listSources",
        "The ingested objects, by descending commit time.",
        query="SourcesFields",
        answer="SourcesAnswer",
        errors=(400, 500, 503),
    ),
    Route(
        "GET",
        "/v1/sources/{key}",
        "api.routes.sources:source",
        "getSource",
        "What happened to one object.",
        "The key is percent-encoded; its slashes need not be.",
        answer="SourceDetail",
        errors=(404, 500, 503),
    ),
    Route(
        "GET",
        "/health",
        "api.handler:health",
        "getHealth",
        "Whether the function runs.",
        answer="Health",
        cacheable=False,
    ),
    Route(
        "GET",
        "/openapi.json",
        "api.openapi.document:openapi",
        "getDescription",
        "This description, as OpenAPI 3.1.",
        media_types=("application/json",),
    ),
    Route(
        "GET",
        "/docs",
        "api.openapi.docs_page:docs",
        "getPage",
        "This description, as a page.",
        media_types=("text/html",),
    ),
)


class Health(msgspec.Struct, frozen=True):
    """The state of the function, and the version of its segment definitions."""

    status: str
    definitions: str


def health(_: Router) -> Health:
    """Answer that the function runs."""
    return Health("ok", load_definitions().version)


app = Router(ROUTES)
app.use([request_middleware])

# Most requests are for /voucher_amount, so its module is imported at start-up, and the others on first use.
import_module("api.routes.vouchers")


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway's REST API."""
    return app.resolve(event, context)

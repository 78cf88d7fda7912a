"""The API function: its table of routes, and the Lambda handler."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from api.http.middleware import request_middleware
from api.http.routing import Route, Router, remove_base_path
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ROUTES = (
    Route("GET", "/", "api.routes.static_page:index"),
    Route("GET", "/static/{file}", "api.routes.static_page:static"),
    Route(
        "GET",
        "/voucher_amount",
        "api.routes.vouchers:voucher_amount",
        "getVoucherAmount",
        "Vouchers",
        query="VoucherFields",
        answer="VoucherAnswer",
        errors=(400, 404, 409, 413, 500, 503),
        cacheable=False,
    ),
    Route(
        "POST",
        "/voucher_amount",
        "api.routes.vouchers:voucher_amount",
        "postVoucherAmount",
        "Vouchers",
        body="VoucherFields",
        answer="VoucherAnswer",
        errors=(400, 404, 409, 413, 500, 503),
        cacheable=False,
    ),
    Route(
        "POST",
        "/v1/selections",
        "api.routes.selections:select",
        "selectVouchers",
        "Vouchers",
        body="SelectionsRequest",
        answer="SelectionsAnswer",
        errors=(400, 413, 500, 503),
        cacheable=False,
    ),
    Route(
        "GET",
        "/v1/segments",
        "api.routes.segments:segments",
        "getSegments",
        "Counts",
        query="SegmentsFields",
        answer="SegmentsAnswer",
        errors=(400, 404, 500, 503),
    ),
    Route(
        "GET",
        "/v1/countries",
        "api.routes.segments:countries",
        "getCountries",
        "Counts",
        answer="CountriesAnswer",
        errors=(500, 503),
    ),
    Route(
        "GET",
        "/v1/choices",
        "api.routes.choices:choices",
        "getChoices",
        "Counts",
        query="ChoicesFields",
        answer="ChoicesAnswer",
        errors=(400, 500, 503),
    ),
    Route(
        "GET",
        "/v1/counts",
        "api.routes.counts:counts",
        "getCounts",
        "Counts",
        query="CountsFields",
        answer="CountsAnswer",
        errors=(400, 404, 500, 503),
    ),
    Route(
        "GET",
        "/v1/history",
        "api.routes.history:history",
        "getHistory",
        "Counts",
        query="HistoryFields",
        answer="HistoryAnswer",
        errors=(400, 500, 503),
    ),
    Route(
        "GET",
        "/v1/sources",
        "api.routes.sources:list_sources",
        "listSources",
        "Sources",
        query="SourcesFields",
        answer="SourcesAnswer",
        errors=(400, 404, 500, 503),
    ),
    Route(
        "GET",
        "/v1/sources/{key}",
        "api.routes.sources:source",
        "getSource",
        "Sources",
        answer="SourceDetail",
        errors=(404, 500, 503),
    ),
    Route(
        "GET",
        "/v1/rejected",
        "api.routes.rejected:rejected",
        "getRejectedRows",
        "Sources",
        query="RejectedFields",
        answer="RejectedAnswer",
        errors=(400, 404, 500, 503),
    ),
    Route(
        "POST",
        "/v1/uploads",
        "api.routes.uploads:create_upload",
        "createUpload",
        "Sources",
        body="UploadFields",
        answer="UploadAnswer",
        errors=(400, 404, 409, 413, 500),
        cacheable=False,
    ),
    Route("GET", "/health", "api.handler:health", "getHealth", "Health", answer="Health", cacheable=False),
    Route("GET", "/openapi.json", "api.openapi.document:openapi"),
)


class Health(msgspec.Struct, frozen=True):
    """The state of the function, and the version of its segment definitions."""

    status: str
    definitions: str


def health(_: Router) -> Health:
    """Return whether the function runs."""
    return Health("ok", load_definitions().version)


app = Router(ROUTES)
app.use([request_middleware])

# Most requests are for /voucher_amount, so its module is imported at start-up, and the others on first use.
import_module("api.routes.vouchers")


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway's REST API."""
    return app.resolve(remove_base_path(event), context)

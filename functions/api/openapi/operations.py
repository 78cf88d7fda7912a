"""What can be asked, by which types, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from api.http import responses
from api.http.responses import CSV, JSON
from api.routes import segments as overview
from api.routes import selections, sources
from api.routes import selections as customers
from api.routes import static_page as page
from api.routes import vouchers as requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Struct

OK = HTTPStatus.OK
NOT_FOUND = HTTPStatus.NOT_FOUND
WRONG = (HTTPStatus.BAD_REQUEST,)
WRONG_BODY = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
FAILED = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)

TEXT: dict[str, Any] = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route.

    Attributes:
        name: it has this name in clients that are made from the description.
        path: with a parameter in braces.
        method: HTTP's.
        does: what it answers, in one sentence.
        more: what else there is to know.
        query: the type of the parameters in the query string.
        body: the type of the JSON body.
        example: an example of the body.
        answer: the type of the answer's JSON body; None where it is no JSON of ours.
        media: schemas of answers that are no JSON of ours, by media type.
        errors: statuses of its errors.
        kept: whether answers have a validator.
    """

    name: str
    path: str
    method: str
    does: str
    more: str = ""
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    example: Mapping[str, object] | None = None
    answer: type[Struct] | None = None
    media: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    errors: tuple[HTTPStatus, ...] = FAILED
    kept: bool = False


CUSTOMER = {
    "customer_id": 123,
    "country_code": "Peru",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
    "total_orders": 15,
    "segment_name": "recency_segment",
}
RECENT = "Counts may come from a memory of some seconds; the header `Age` tells how old they are."
FRESH = "Counts are read anew."

OPERATIONS = (
    Operation(
        "getDashboard",
        "/",
        "GET",
        "The page for the people who choose vouchers.",
        media={"text/html": TEXT},
        errors=FAILED[:1],
        kept=True,
    ),
    Operation(
        "getDashboardFile",
        "/static/{file}",
        "GET",
        "A file that the page is made of.",
        media=dict.fromkeys({kind.partition(";")[0]: None for kind in page.FILES.values()}, TEXT),
        errors=(NOT_FOUND, *FAILED[:1]),
        kept=True,
    ),
    Operation(
        "getVoucherAmount",
        "/voucher_amount",
        "GET",
        "Which voucher amount do most customers use who are like this one?",
        f"The fields may also be a JSON body, as of `POST`. {RECENT}",
        query=requests.VoucherFields,
        answer=responses.VoucherAnswer,
        errors=(*WRONG_BODY, NOT_FOUND, *FAILED),
    ),
    Operation(
        "postVoucherAmount",
        "/voucher_amount",
        "POST",
        "Which voucher amount do most customers use who are like this one?",
        RECENT,
        body=requests.VoucherFields,
        example=CUSTOMER,
        answer=responses.VoucherAnswer,
        errors=(*WRONG_BODY, NOT_FOUND, *FAILED),
    ),
    Operation(
        "selectVouchers",
        "/v1/selections",
        "POST",
        "Which vouchers to give up to 100 customers, and why?",
        f"There is an answer or a problem for each customer, in their order. {RECENT}",
        body=customers.SelectionsRequest,
        example={"customers": [CUSTOMER], "as_of": "2018-08-05", "fallback": "country"},
        answer=selections.SelectionsAnswer,
        errors=(*WRONG_BODY, *FAILED),
    ),
    Operation(
        "getSegments",
        "/v1/segments",
        "GET",
        "How are customers sorted, and what does each range hold?",
        "Of one country, also which amounts are chosen, and how often each was used.",
        query=overview.SegmentsFields,
        answer=overview.SegmentsAnswer,
        errors=(*WRONG, NOT_FOUND, *FAILED),
        kept=True,
    ),
    Operation(
        "getCountries",
        "/v1/countries",
        "GET",
        "Which countries have counts?",
        answer=overview.CountriesAnswer,
        kept=True,
    ),
    Operation(
        "getCounts",
        "/v1/counts",
        "GET",
        "How often was each amount used in a country, by segment and range?",
        f"{FRESH} The table has a line of the columns' names.",
        query=requests.CountsFields,
        answer=responses.CountsAnswer,
        media={CSV: TEXT},
        errors=(*WRONG, NOT_FOUND, *FAILED),
        kept=True,
    ),
    Operation(
        "listSources",
        "/v1/sources",
        "GET",
        "What was ingested, the last first?",
        query=sources.SourcesFields,
        answer=sources.SourcesAnswer,
        errors=(*WRONG, *FAILED),
        kept=True,
    ),
    Operation(
        "getSource",
        "/v1/sources/{key}",
        "GET",
        "What became of one object?",
        "The key is percent-encoded; its slashes may be.",
        answer=sources.SourceDetail,
        errors=(NOT_FOUND, *FAILED),
        kept=True,
    ),
    Operation(
        "getHealth",
        "/health",
        "GET",
        "Does the function run?",
        answer=responses.Health,
        errors=FAILED[:1],
    ),
    Operation(
        "getDescription",
        "/openapi.json",
        "GET",
        "What can be asked? This description.",
        media={JSON: {"type": "object"}},
        errors=FAILED[:1],
        kept=True,
    ),
    Operation(
        "getPage",
        "/docs",
        "GET",
        "The same, as a page.",
        media={"text/html": TEXT},
        errors=FAILED[:1],
        kept=True,
    ),
)

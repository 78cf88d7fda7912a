"""The API function: its routes. What only some of them need is loaded when it is first asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver

from api.cached_table import CachedSegmentsTable
from api.dependencies import memory, segments_table, sources_table
from api.http import fields as bodies
from api.http import responses
from api.http.caching import revalidated
from api.http.fields import country_of, read_exactly
from api.http.middleware import note, reads_from, request_id, request_middleware
from api.http.responses import header, prefers
from api.http.routing import serve
from api.routes import vouchers as requests
from api.routes import vouchers as selection
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.api_gateway import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from api.routes.selections import SelectionsAnswer

app = APIGatewayRestResolver(serializer=responses.to_json, debug=False)
app.use([request_middleware])


def voucher_amount() -> responses.VoucherAnswer:
    """Answer which voucher amount to give a customer."""
    fields = bodies.fields_of(app.current_event)
    note(app, country=fields.get("country_code"), segment=fields.get("segment_name"))
    now = datetime.now(UTC)
    request = requests.voucher_request(fields, load_definitions(), now)
    return responses.VoucherAnswer(selection.voucher_amounts(_recent(now), request))


def select() -> SelectionsAnswer:
    """Answer which voucher amounts to give up to a hundred customers, and why."""
    from api.routes import selections
    from api.routes import selections as customers

    fields = bodies.json_object(bodies.text_of(app.current_event, customers.MAX_BODY))
    now = datetime.now(UTC)
    definitions = load_definitions()
    as_of, asked = customers.customers_of(fields, definitions, now)
    note(app, customers=len(asked))
    return selections.answer(
        asked, _recent(now), as_of=as_of, definitions=definitions.version, request_id=request_id(app)
    )


def segments() -> Response[str]:
    """Answer how customers are sorted, and what is counted in each range."""
    from api.routes import segments as overview

    written = read_exactly(app.current_event.query_string_parameters, overview.SegmentsFields)
    note(app, country=written.country)
    recent = _recent(datetime.now(UTC))
    if written.country is None:
        return revalidated(overview.segments_answer(load_definitions(), recent.every_country(), None))
    asked = country_of("country", written.country)
    counted = selection.country_counts(recent.table, asked, recent.countries)
    return revalidated(overview.segments_answer(load_definitions(), [counted], counted.name))


def countries() -> Response[str]:
    """Answer which countries have counts."""
    from api.routes import segments as overview

    return revalidated(overview.countries_answer(_recent(datetime.now(UTC)).every_country()))


def counts() -> Response[str]:
    """Answer what is counted for a country."""
    query = app.current_event.query_string_parameters
    note(app, country=query.get("country"), segment=query.get("segment"))
    request = requests.counts_request(query, load_definitions())
    recent = _recent(datetime.now(UTC))
    # Counts are always fresh, for whoever has just uploaded; the list of countries costs a scan.
    counted = selection.country_counts(recent.table, request.country, recent.countries)
    answer = responses.counts_answer(counted, request.segments)
    if prefers(header(app.current_event, "Accept"), responses.CSV, responses.JSON):
        from api.routes import counts as tables

        disposition = {"Content-Disposition": tables.file_name(counted.name)}
        return revalidated(tables.counts_csv(answer), tables.CSV_WITH_HEADER, Vary="Accept", **disposition)
    return revalidated(answer, Vary="Accept")


def list_sources() -> Response[str]:
    """Answer what was ingested, the last first."""
    from api.routes import sources

    query = app.current_event.query_string_parameters
    note(app, source_status=query.get("status"))
    request = sources.page_request(query)
    answer = sources.sources_answer(sources_table(), request)
    return revalidated(answer, **sources.links(request, answer))


def source() -> Response[str]:
    """Answer what became of one object."""
    from api.routes import sources

    key = app.current_event.path.partition("/v1/sources/")[2]
    return revalidated(sources.source_answer(sources_table(), key))


def index() -> Response[str]:
    """Answer the page for people."""
    from api.routes import static_page as page

    return page.file(page.INDEX)


def static() -> Response[str]:
    """Answer a file that the page is made of."""
    from api.routes import static_page as page

    return page.file(app.current_event.path.partition("/static/")[2])


def description() -> Response[str]:
    """Answer what can be asked, by OpenAPI."""
    from api.openapi import document

    return revalidated(document.text())


def docs() -> Response[str]:
    """Answer the same, as a page."""
    from api.openapi import docs_page as page

    return revalidated(page.text(), "text/html; charset=utf-8", **page.headers())


def health() -> responses.Health:
    """Answer that the function runs."""
    return responses.Health("ok", load_definitions().version)


def _recent(now: datetime) -> CachedSegmentsTable:
    recent = CachedSegmentsTable(segments_table(), memory(), now.timestamp())
    reads_from(app, recent)
    return recent


serve(
    app,
    {
        "/": {"GET": index},
        "/static/{file}": {"GET": static},
        "/voucher_amount": {"GET": voucher_amount, "POST": voucher_amount},
        "/v1/selections": {"POST": select},
        "/v1/segments": {"GET": segments},
        "/v1/countries": {"GET": countries},
        "/v1/counts": {"GET": counts},
        "/v1/sources": {"GET": list_sources},
        "/v1/sources/{key}": {"GET": source},
        "/health": {"GET": health},
        "/openapi.json": {"GET": description},
        "/docs": {"GET": docs},
    },
)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway's REST API."""
    return app.resolve(event, context)

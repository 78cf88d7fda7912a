"""``/v1/rejected``: the first rejected rows of a file, as JSON or as CSV (RFC 4180)."""

from typing import Annotated

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response
from botocore.exceptions import ClientError
from msgspec import Meta

from api import dependencies
from api.http.csv_file import csv_response, wants_csv
from api.http.errors import RowsNotKeptError, UnknownSourceError
from api.http.fields import Format, read
from api.http.responses import cacheable
from api.http.routing import Router
from vouchers.keys import MAX_KEY_BYTES, is_key
from vouchers.report import MAX_EXCERPT_ROWS


class RejectedFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request for rejected rows.

    Attributes:
        source: the key of the file.
        format: `csv` for CSV, as with `Accept: text/csv`.
    """

    source: Annotated[
        str, Meta(min_length=1, max_length=MAX_KEY_BYTES, examples=["vouchers/2018/may.parquet"])
    ]
    format: Format | None = None


class RejectedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rejected row of a file, with its values as text, cut to 60 characters.

    Attributes:
        row: its number in the file, from 0.
        reason: why it was rejected.
    """

    row: int
    reason: str
    country_code: str | None
    last_order_ts: str | None
    first_order_ts: str | None
    timestamp: str | None
    total_orders: str | None
    voucher_amount: str | None


class RejectedAnswer(msgspec.Struct, frozen=True):
    """The first rejected rows of a file.

    Attributes:
        source: the file's key.
        rows: the first 1,000 rejected rows at most, in the order of the file.
        rows_left_out: number of rejected rows that are not listed.
    """

    source: str
    rows: list[RejectedRow]
    rows_left_out: int


def rejected(router: Router) -> Response[str]:
    """List the first rejected rows of a file.

    At most 1,000 rows are listed. `make rejected` prints all of them. Columns that are not counted are not
    listed. With `format=csv` or `Accept: text/csv`, the answer is CSV (RFC 4180) with a header line.

    Raises:
        UnknownSourceError: if there is no such source.
        RowsNotKeptError: if the source is a dataset, or was counted by an older version.
    """
    given = read(router.current_event.query_string_parameters, RejectedFields)
    state = None
    if is_key(given.source):
        state = dependencies.sources_table().load(given.source).state
    if state is None:
        raise UnknownSourceError(given.source)
    rows: list[RejectedRow] = []
    if state.rejected_object:
        rows = read_excerpt(given.source, state.rejected_excerpt)
    if wants_csv(router.current_event, given.format):
        lines = map(msgspec.structs.asdict, rows)
        return csv_response("rejected", RejectedRow.__struct_fields__, lines, given.source.replace("/", "-"))
    left_out = state.report.get("rejected", 0) - len(rows)
    return cacheable(RejectedAnswer(given.source, rows, left_out), Vary="Accept")


def read_excerpt(source: str, key: str | None) -> list[RejectedRow]:
    """Return the rows at a key of the results bucket; None stands for rows that are kept elsewhere.

    Raises:
        RowsNotKeptError: if there are none.
    """
    if key is None:
        raise RowsNotKeptError(source)
    client, bucket = dependencies.s3_client(), dependencies.results_bucket()
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        # Without permission to list the bucket, S3 answers 403 for an absent object.
        if error.response["Error"].get("Code") not in {"NoSuchKey", "AccessDenied"}:
            raise
        raise RowsNotKeptError(source) from None
    return msgspec.json.decode(body, type=list[RejectedRow])[:MAX_EXCERPT_ROWS]

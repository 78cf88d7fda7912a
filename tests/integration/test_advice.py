"""The advice in the message of a failed file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from ingest.handler import IngestError
from tests.support.stack_harness import parquet

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness

GOOD = pa.table(
    {
        "country_code": ["Peru"],
        "last_order_ts": ["2020-01-05"],
        "total_orders": ["3"],
        "voucher_amount": [2640.0],
        "timestamp": ["2020-04-15"],
    }
)
UNTIMED = GOOD.drop_columns("timestamp")
CORRECT = "; upload a corrected file under the same key"
AGAIN = "; upload the file again with a valid value"
WITHOUT_ROW = "; only the as-of date 'row' needs 'timestamp'; use a file that has it, or name a date"

UNIT = '; if it counts milliseconds since 1970, use --columns "timestamp=timestamp:ms"'


@pytest.mark.parametrize(
    ("table", "as_of", "advice"),
    [
        (GOOD, "soon", AGAIN),
        (UNTIMED, "row", WITHOUT_ROW),
        (UNTIMED.append_column("timestamp", pa.array([1])), "row", UNIT),
        (UNTIMED.append_column("timestamp", pa.array([True])), "row", WITHOUT_ROW),
        (UNTIMED.drop_columns("country_code"), "row", CORRECT),
        (GOOD.drop_columns("country_code"), "2020-06-01", CORRECT),
    ],
    ids=["no date", "no timestamp", "a number", "a truth value", "two columns missing", "no country"],
)
def test_it_depends_on_what_is_wrong(harness: StackHarness, table: pa.Table, as_of: str, advice: str) -> None:
    with pytest.raises(IngestError) as failed:
        harness.ingest(harness.put("vouchers/a", parquet(table), as_of=as_of))

    assert str(failed.value).endswith(advice)

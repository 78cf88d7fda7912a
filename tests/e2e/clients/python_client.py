"""Calls the API with a client of openapi-python-client."""

import datetime as dt
import json
import os

from voucher_selector_client import Client
from voucher_selector_client.api.counts import get_counts
from voucher_selector_client.api.sources import get_source
from voucher_selector_client.api.vouchers import (
    post_voucher_amount,
    select_vouchers,
)
from voucher_selector_client.models import (
    Failed,
    SelectionsRequest,
    VoucherFields,
    VoucherFieldsSegmentName,
)

client = Client(base_url=os.environ["API_URL"])
frequent = VoucherFieldsSegmentName.FREQUENT_SEGMENT
customers = [
    VoucherFields(country_code="Peru", segment_name=frequent, total_orders="15"),
    VoucherFields(country_code="Peru", segment_name=frequent),
]
amount = post_voucher_amount.sync(
    client=client, body=VoucherFields(country_code="Peru", segment_name=frequent, total_orders=15)
)
selections = select_vouchers.sync(
    client=client,
    body=SelectionsRequest(customers=customers, as_of=dt.datetime(2018, 8, 5, tzinfo=dt.UTC)),
)
outcomes = [
    answer.error.field if isinstance(answer, Failed) else answer.voucher_amount[0]
    for answer in selections.selections
]
rows = len(get_counts.sync(client=client, country="Peru").rows)
unknown = get_counts.sync_detailed(client=client, country="Atlantis")
missing = get_source.sync_detailed("vouchers/none.parquet", client=client)
print(json.dumps([amount.voucher_amount, outcomes, rows, unknown.status_code, missing.status_code]))  # noqa: T201 - the test reads it

"""A stand-in for S3, for the API's tests: the excerpt of rejected rows, and forms as a role signs them."""

from __future__ import annotations

import io
import json
from typing import Any

ROW = {
    "row": 7,
    "reason": "country_code_missing",
    "country_code": None,
    "last_order_ts": "2018-05-03",
    "first_order_ts": None,
    "timestamp": None,
    "total_orders": "15",
    "voucher_amount": "2640.0",
}


class FakeS3:
    """Returns the same object and the same signature for every call."""

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(json.dumps([ROW]).encode())}

    def generate_presigned_post(
        self,
        bucket: str,
        key: str,
        Fields: dict[str, str] | None = None,  # noqa: N803 - boto3's name
        **_: Any,
    ) -> dict[str, Any]:
        signature = {
            "policy": "…",
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": "ASIA…/20261122/eu-central-1/s3/aws4_request",
            "x-amz-date": "20261122T100000Z",
            "x-amz-security-token": "…",
            "x-amz-signature": "…",
        }
        return {
            "url": f"https://{bucket}.s3.eu-central-1.amazonaws.com/",
            "fields": {**(Fields or {}), "key": key, **signature},
        }

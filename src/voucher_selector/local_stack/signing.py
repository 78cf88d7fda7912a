"""Requests to an API that requires IAM, signed with AWS Signature Version 4."""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials

from voucher_selector.local_stack.emulator import REGION

# They belong to one connection, or are set again on the next one.
HOP_BY_HOP = {
    "authorization", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """An API: its URL with the stage, and the region and credentials that sign its requests.

    Without credentials, requests are not signed; the local gateway signs them itself.
    """

    url: str
    region: str = REGION
    credentials: Credentials | None = None


def sign(
    target: Target, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> AWSPreparedRequest:
    """Return the request for ``path`` (with its query) of ``target``, signed with SigV4.

    Only the host and the time are signed, since a proxy may change the other headers.
    """
    request = AWSRequest(method, target.url.rstrip("/") + path, data=body)
    if target.credentials:
        SigV4Auth(target.credentials, "execute-api", target.region).add_auth(request)
    for name, value in headers.items():
        if name.lower() not in HOP_BY_HOP and not name.lower().startswith("x-amz-"):
            request.headers[name] = value
    return request.prepare()

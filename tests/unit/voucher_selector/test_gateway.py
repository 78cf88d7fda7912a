from __future__ import annotations

from botocore.credentials import Credentials

from voucher_selector.local_stack.signing import Target, sign

TARGET = Target(
    "https://abc.execute-api.eu-central-1.amazonaws.com/live",
    "eu-central-1",
    Credentials("AKID", "secret", "token"),
)


def test_the_path_follows_the_stage() -> None:
    request = sign(TARGET, "GET", "/v1/counts?country=Peru", {}, b"")
    assert request.url == "https://abc.execute-api.eu-central-1.amazonaws.com/live/v1/counts?country=Peru"


def test_a_request_is_signed_for_the_api_in_its_region() -> None:
    authorization = sign(TARGET, "GET", "/", {}, b"").headers["Authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "/eu-central-1/execute-api/aws4_request" in authorization


def test_what_a_proxy_may_change_is_forwarded_unsigned() -> None:
    request = sign(TARGET, "POST", "/", {"Content-Type": "application/json", "User-Agent": "curl"}, b"{}")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "curl"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in request.headers["Authorization"]


def test_the_body_is_part_of_what_is_signed() -> None:
    one, other = (sign(TARGET, "POST", "/", {}, body).headers["Authorization"] for body in (b"1", b"2"))
    assert one.partition("Signature=")[2] != other.partition("Signature=")[2]


def test_the_callers_own_credentials_and_connection_are_not_forwarded() -> None:
    own = {
        "Authorization": "Basic x",
        "Host": "localhost:5000",
        "Connection": "close",
        "X-Amz-Security-Token": "mine",
    }
    headers = sign(TARGET, "GET", "/", own, b"").headers
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256")
    assert headers["X-Amz-Security-Token"] == "token"
    assert "Host" not in headers
    assert "Connection" not in headers

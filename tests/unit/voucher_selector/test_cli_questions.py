from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, get_args

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from click.testing import CliRunner

from api.routes.vouchers import VoucherFields
from voucher_selector import api_client
from voucher_selector.cli.main import cli
from voucher_selector.cli.report import REASONS, VERDICTS
from voucher_selector.stack import Deployed
from vouchers.counts import Reason, Verdict

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

pytestmark = pytest.mark.disable_socket

COUNTS = {
    "country": "Peru",
    "rows": [
        {
            "min_range": 180,
            "max_range": 99999999,
            "segment_name": "recency_segment",
            "voucher_amount": 2640.0,
            "count": 49102,
        },
        {
            "min_range": 0,
            "max_range": 4,
            "segment_name": "frequent_segment",
            "voucher_amount": 12.5,
            "count": 7,
        },
    ],
    "amounts_left_out": 0,
    "updated_at": "2026-11-22T12:00:00Z",
}
ASK = ("ask", "--country", "Peru", "--segment", "recency_segment", "--last-order", "2018-05-03")


@dataclass
class Wire:
    """Stands in for the network: gives every request the same response, and records it."""

    status: int = 200
    body: bytes = b"{}"
    error: Exception | None = None
    sent: list[AWSPreparedRequest] = field(default_factory=list)

    def __call__(self, **_: object) -> Wire:
        return self

    def send(self, request: AWSPreparedRequest) -> SimpleNamespace:
        self.sent.append(request)
        if self.error:
            raise self.error
        return SimpleNamespace(status_code=self.status, content=self.body)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    for name in ("AWS_ENDPOINT_URL", "PORT", "AWS_PORT", "STACK"):
        monkeypatch.delenv(name, raising=False)
    wire = Wire()
    monkeypatch.setattr(api_client, "URLLib3Session", wire)
    return wire


def test_counts_are_a_table_in_the_order_of_the_answer(wire: Wire) -> None:
    wire.body = json.dumps(COUNTS).encode()

    result = CliRunner().invoke(cli, ["counts", "Peru"])

    cells = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line
    ]
    assert cells == [
        ["180", "99999999", "recency_segment", "2640", "49102"],
        ["0", "4", "frequent_segment", "12.5", "7"],
    ]
    assert result.exit_code == 0


def test_counts_say_how_many_amounts_are_left_out(wire: Wire) -> None:
    wire.body = json.dumps(COUNTS | {"amounts_left_out": 1500}).encode()

    assert "and 1,500 more amounts" in CliRunner().invoke(cli, ["counts", "Peru"]).stdout


def test_counts_as_json_are_the_answer_itself(wire: Wire) -> None:
    wire.body = json.dumps(COUNTS).encode()

    assert json.loads(CliRunner().invoke(cli, ["counts", "Peru", "--json"]).stdout) == COUNTS


def test_counts_ask_for_the_country_and_the_segment_as_they_are_written(wire: Wire) -> None:
    wire.body = json.dumps(COUNTS).encode()

    CliRunner().invoke(cli, ["counts", "Côte d'Ivoire", "--segment", "a&b"])

    assert wire.sent[0].url == "http://localhost:5000/v1/counts?country=C%C3%B4te+d%27Ivoire&segment=a%26b"


def test_another_port_is_asked_where_port_names_one(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "5001")
    wire.body = json.dumps(COUNTS).encode()

    CliRunner().invoke(cli, ["counts", "Peru"])

    assert wire.sent[0].url.startswith("http://localhost:5001/")


@pytest.mark.parametrize(
    ("amounts", "line"),
    [
        ([2640.0], "2640"),
        ([2640.0, 3520.5], "2640 or 3520.5"),
        ([], "no voucher: the customer is in no range, nobody there used one, or a guard allows no choice"),
    ],
)
def test_an_answer_is_one_line(wire: Wire, amounts: list[float], line: str) -> None:
    wire.body = json.dumps({"voucher_amount": amounts}).encode()

    result = CliRunner().invoke(cli, ASK)

    assert (result.stdout, result.exit_code) == (line + "\n", 0)


def test_ask_sends_what_it_was_given_and_nothing_else(wire: Wire) -> None:
    wire.body = b'{"voucher_amount": []}'

    CliRunner().invoke(cli, [*ASK, "--first-order", "2017-05-03"])

    body = wire.sent[0].body
    assert isinstance(body, bytes)
    assert json.loads(body) == {
        "country_code": "Peru",
        "segment_name": "recency_segment",
        "last_order_ts": "2018-05-03",
        "first_order_ts": "2017-05-03",
    }


@pytest.mark.parametrize(
    ("endpoint", "called"),
    [
        (None, "https://api_client.test/live/voucher_amount"),
        ("http://aws.test/", "http://aws.test/live/voucher_amount"),
    ],
)
def test_an_api_elsewhere_gets_signed_requests(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, endpoint: str | None, called: str
) -> None:
    session = boto3.Session("key", "secret", region_name="eu-west-1")
    there = Deployed(session, endpoint, {"ApiUrl": "https://api_client.test/live"})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.test")
    monkeypatch.setattr(api_client, "find_stack", lambda: there)
    wire.body = b'{"voucher_amount": []}'

    CliRunner().invoke(cli, ASK)

    assert wire.sent[0].url == called
    assert "AWS4-HMAC-SHA256" in str(wire.sent[0].headers["Authorization"])


@pytest.mark.parametrize("message", ["message", "Message"])
def test_a_refusal_of_the_api_is_printed_in_its_words(wire: Wire, message: str) -> None:
    wire.status, wire.body = 404, json.dumps({message: "there are no counts for Nowhere"}).encode()

    result = CliRunner().invoke(cli, ["counts", "Nowhere"])

    assert (result.stderr, result.exit_code) == (
        "Error: The API refused: there are no counts for Nowhere\n",
        1,
    )


FIELDS = {
    "country_code": ("COUNTRY", "--country"),
    "segment_name": ("SEGMENT", "--segment"),
    "last_order_ts": ("LAST_ORDER", "--last-order"),
    "first_order_ts": ("FIRST_ORDER", "--first-order"),
    "total_orders": ("ORDERS", "--orders"),
    "fallback": ("FALLBACK", "--fallback"),
}


def test_every_field_of_a_customer_has_a_parameter() -> None:
    assert set(FIELDS) == set(VoucherFields.__struct_fields__) - {"customer_id"}


@pytest.mark.parametrize("under_make", [True, False])
@pytest.mark.parametrize("why", [True, False])
@pytest.mark.parametrize("field", FIELDS)
def test_a_refusal_names_the_parameter_that_was_typed(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, field: str, why: bool, under_make: bool
) -> None:
    rest = "is missing: frequent_segment requires it; give total_orders"
    error = {"status": 409, "message": f"{field} {rest}"}
    wire.status, wire.body = 409, json.dumps(error).encode()
    if why:
        wire.status, wire.body = 200, json.dumps({"selections": [{"error": error}]}).encode()
    if under_make:
        monkeypatch.setenv("VOUCHER_SELECTOR_MAKE", "1")
    result = CliRunner().invoke(cli, [*ASK, *(["--why"] if why else [])])
    typed = FIELDS[field][0 if under_make else 1]
    assert (result.stderr, result.exit_code) == (f"Error: The API refused: {typed} {rest}\n", 2)


@pytest.mark.parametrize(
    ("field", "flag", "variable"), [("country", "COUNTRY", "COUNTRY"), ("segment", "--segment", "SEGMENT")]
)
def test_a_refusal_of_counts_names_the_parameter_that_was_typed(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, field: str, flag: str, variable: str
) -> None:
    wire.status, wire.body = 400, json.dumps({"message": f"{field} must be a name"}).encode()
    assert f": {flag} must be a name" in CliRunner().invoke(cli, ["counts", "?"]).stderr
    monkeypatch.setenv("VOUCHER_SELECTOR_MAKE", "1")
    assert f": {variable} must be a name" in CliRunner().invoke(cli, ["counts", "?"]).stderr


@pytest.mark.parametrize(
    ("status", "code"), [(400, 2), (404, 1), (409, 2), (413, 2), (403, 3), (429, 3), (503, 3)]
)
def test_the_exit_code_says_whose_fault_a_refusal_is(wire: Wire, status: int, code: int) -> None:
    wire.status, wire.body = status, b'{"message": "no"}'

    assert CliRunner().invoke(cli, ASK).exit_code == code


def test_where_the_api_fails_its_log_is_named(wire: Wire) -> None:
    wire.status, wire.body = 500, b'{"message": "it failed"}'

    result = CliRunner().invoke(cli, ASK)

    assert result.stderr == "Error: The API failed: it failed. See the log: .stack/4566.log\n"


def _selected(**fields: object) -> bytes:
    answer = {
        "voucher_amount": [2640.0], "reason": "most_used", "country": "[Peru]",
        "segment_name": "frequent_segment", "fallback_reason": None, "guards": None,
        "min_range": 14, "max_range": 37,
        "days_since_last_order": None, "days_since_first_order": 400, "total_orders": 15.0, "count": 11813,
        "share": 0.538668, "interval": {"low": 0.532065, "high": 0.545259}, "sample_size": 21930,
        "verdict": "close",
        "without_voucher": 1501, "alternatives": [
            {"voucher_amount": 3520.5, "count": 4391, "share": 0.2, "interval": {"low": 0.19, "high": 0.21}}
        ],
    }  # fmt: skip
    return json.dumps({"selections": [answer | fields]}).encode()


def test_why_shows_what_the_answer_rests_on(wire: Wire) -> None:
    wire.body = _selected()

    result = CliRunner().invoke(cli, [*ASK, "--why"])

    lines = result.stdout.splitlines()
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert (lines[0], result.exit_code) == ("2640", 0)
    assert cells == [
        ["country", "[Peru]"],
        ["segment", "frequent_segment"],
        ["range", "14 to 37"],
        ["days since first order", "400"],
        ["total orders", "15"],
        ["uses", "21,930, 1,501 of them without a voucher"],
        ["share", "11,813 uses, 53.9 % (53.2 to 54.5)"],
        ["verdict", "close: the next amount could be the most used one"],
        ["next", "3520.5: 4,391 uses, 20.0 % (19.0 to 21.0)"],
    ]


def test_why_marks_amounts_that_may_not_be_chosen(wire: Wire) -> None:
    other = {"voucher_amount": 9.0, "count": 5, "share": 0.2, "interval": {"low": 0.19, "high": 0.21}}
    wire.body = _selected(alternatives=[other | {"allowed": False}])

    result = CliRunner().invoke(cli, [*ASK, "--why"])

    assert "9: 5 uses, 20.0 % (19.0 to 21.0), may not be chosen" in result.stdout


def test_why_says_that_no_range_holds_the_customer(wire: Wire) -> None:
    nothing: dict[str, object] = {
        "count": None,
        "share": None,
        "interval": None,
        "verdict": None,
        "alternatives": [],
        "sample_size": 0,
    }
    wire.body = _selected(
        voucher_amount=[], reason="no_range", min_range=None, max_range=None, total_orders=4.5, **nothing
    )

    result = CliRunner().invoke(cli, [*ASK, "--why"])

    assert result.stdout.startswith("no voucher: ")
    assert "none contains the customer" in result.stdout
    assert "share" not in result.stdout
    assert "verdict" not in result.stdout


@pytest.mark.parametrize(
    ("reasons", "guards", "lines"),
    [
        (("no_voucher_used", None), None, ["no voucher: nobody used a voucher"]),
        (
            ("below_minimum_uses", None),
            {"minimum_uses": 1500},
            ["no voucher: fewer than 1,500 uses, which a choice needs"],
        ),
        (
            ("no_amount_allowed", None),
            {"minimum_uses": 1},
            ["no voucher: none of the amounts that may be chosen was used"],
        ),
        (
            ("below_minimum_uses", "most_used"),
            {"minimum_uses": 30},
            ["2640", "fewer than 30 uses, which a choice needs"],
        ),
        (
            ("no_voucher_used", "no_amount_allowed"),
            {"minimum_uses": 1},
            ["no voucher: none of the amounts that may be chosen was used", "nobody used a voucher"],
        ),
    ],
)
def test_why_tells_the_reason_of_no_choice(
    wire: Wire, reasons: tuple[str, str | None], guards: dict[str, object] | None, lines: list[str]
) -> None:
    reason, of_fallback = reasons
    wire.body = _selected(
        voucher_amount=[2640.0] if of_fallback == "most_used" else [],
        reason=reason,
        fallback=of_fallback and "country",
        fallback_reason=of_fallback,
        guards=guards,
    )

    result = CliRunner().invoke(cli, [*ASK, "--why"])

    first, *others = lines
    assert result.stdout.splitlines()[0] == first
    for line in others or [first.removeprefix("no voucher: ")]:
        assert ["no choice", line] in [
            [cell.strip() for cell in row.split("│")[1:-1]] for row in result.stdout.splitlines()
        ]


def test_every_reason_and_verdict_has_words() -> None:
    assert REASONS.keys() | {"most_used"} == {*get_args(Reason), "no_range"}
    assert VERDICTS.keys() == {*get_args(Verdict)}


def test_why_as_json_is_the_apis_answer_for_the_customer(wire: Wire) -> None:
    wire.body = _selected()

    result = CliRunner().invoke(cli, [*ASK, "--why", "--json"])

    assert json.loads(result.stdout) == json.loads(wire.body)["selections"][0]
    assert wire.sent[0].url == "http://localhost:5000/v1/selections"
    assert isinstance(wire.sent[0].body, bytes)
    assert len(json.loads(wire.sent[0].body)["customers"]) == 1


def test_with_why_a_refusal_is_printed_as_without_it(wire: Wire) -> None:
    error = {"status": 404, "message": "there are no counts for Nowhere"}
    wire.body = json.dumps({"selections": [{"outcome": "failed", "error": error}]}).encode()

    result = CliRunner().invoke(cli, [*ASK, "--why"])

    assert (result.stderr, result.exit_code) == (
        "Error: The API refused: there are no counts for Nowhere\n",
        1,
    )


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_another_program_on_the_port_is_recognized(wire: Wire, body: bytes) -> None:
    wire.body = body

    result = CliRunner().invoke(cli, ["counts", "Peru"])

    assert (result.stderr, result.exit_code) == (
        (
            "Error: http://localhost:5000 is not this API: it sent no JSON object, with status 200. "
            "Set PORT to the API's port\n"
        ),
        3,
    )


def test_without_a_stack_the_message_says_how_to_start_one(wire: Wire) -> None:
    wire.error = EndpointConnectionError(endpoint_url="http://localhost:5000/v1/counts")

    result = CliRunner().invoke(cli, ["counts", "Peru"])

    assert (result.exit_code, result.stderr) == (
        3,
        (
            "Error: http://localhost:5000 does not answer. Start the stack: make run. "
            "If it uses another port, set PORT\n"
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "example"),
    [
        (["counts", ""], "Missing COUNTRY. Example: voucher-selector counts Peru"),
        (
            ["ask", "--country", "", "--segment", "recency_segment"],
            "Missing --country. Example: voucher-selector ask",
        ),
        (["ask", "--country", "Peru", "--segment", " "], "Missing --segment. Example: voucher-selector ask"),
    ],
)
def test_a_forgotten_name_is_shown_by_an_example(wire: Wire, arguments: list[str], example: str) -> None:
    result = CliRunner().invoke(cli, arguments)

    assert (example in result.stderr, result.exit_code, wire.sent) == (True, 2, [])


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "50.5"])
def test_a_port_that_is_none_is_named(wire: Wire, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)

    result = CliRunner().invoke(cli, ["counts", "Peru"])

    assert result.stderr == f"Error: Invalid PORT '{port}'. Use a port from 1 to 65535.\n"
    assert wire.sent == []


def test_an_endpoint_that_is_none_is_named(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost")

    result = CliRunner().invoke(cli, ["counts", "Peru"])

    assert (
        "Invalid AWS_ENDPOINT_URL 'localhost'. Use a URL such as http://localhost:4566, or 'aws'."
        in result.stderr
    )
    assert wire.sent == []

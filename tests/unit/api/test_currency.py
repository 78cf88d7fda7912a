"""The currency of a country is in every answer with its amounts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from api.routes import choices, counts, segments, selections, vouchers
from tests.support.api_gateway import CUSTOMER, call, rest_event
from voucher_selector.cli.report import show_answer, show_counts, show_why
from vouchers.segments import CountrySettings, load_definitions

pytestmark = pytest.mark.disable_socket


@pytest.fixture(params=["PEN", None])
def currency(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The currency of Peru, if it has one."""
    definitions = replace(load_definitions(), countries=(("peru", CountrySettings(currency=request.param)),))
    for module in (choices, counts, segments, selections, vouchers):
        monkeypatch.setattr(module, "load_definitions", lambda: definitions)
    return str(request.param) if request.param else None


def get(path: str, **query: str) -> Any:
    return call(rest_event(path=path, query=query or None)).json


def test_every_answer_with_amounts_has_the_currency(currency: str | None) -> None:
    assert get("/v1/segments", country="pERU")["currency"] == currency
    assert get("/v1/segments")["currency"] is None
    assert get("/v1/counts", country="Peru")["currency"] == currency
    assert [country["currency"] for country in get("/v1/choices")["countries"]] == [currency]
    body = json.dumps({"customers": [CUSTOMER]})
    selected = call(rest_event("POST", "/v1/selections", body=body)).json["selections"]
    assert [answer["currency"] for answer in selected] == [currency]
    one = call(rest_event("POST", body=json.dumps(CUSTOMER))).json
    assert one == {"voucher_amount": [2640.0]} | ({"currency": currency} if currency else {})


def test_csv_has_a_column_for_the_currency(currency: str | None) -> None:
    for path in ("/v1/choices", "/v1/counts"):
        answer = call(rest_event(path=path, query={"country": "Peru", "format": "csv"}))
        head, *lines = answer.body.splitlines()
        assert head.endswith(",currency")
        assert {line.rpartition(",")[2] for line in lines} == {currency or ""}


def test_commands_print_the_currency(currency: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [
        get("/v1/counts", country="Peru"),
        call(rest_event("POST", body=json.dumps(CUSTOMER))).json,
        call(rest_event("POST", "/v1/selections", body=json.dumps({"customers": [CUSTOMER]}))).json[
            "selections"
        ][0],
    ]
    printed = []
    for show, answer in zip((show_counts, show_answer, show_why), answers, strict=True):
        capsys.readouterr()
        show(answer)
        printed.append(capsys.readouterr().out)
    assert printed[0].splitlines()[0].strip() == ("Peru (PEN)" if currency else "Peru")
    assert printed[1] == ("2640 PEN\n" if currency else "2640\n")
    assert ("3520 PEN: " in printed[2]) is bool(currency)

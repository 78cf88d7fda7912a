"""The reference of the API that the local gateway serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_a_reader_sends_a_request_from_the_reference_without_the_internet(browser: Browser, url: str) -> None:
    page = browser.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{url}docs#tag/vouchers/POST/voucher_amount")
    expect(page.get_by_role("heading", name="Voucher Selector")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Test Request (post /voucher_amount)").click()
    with page.expect_response(f"{url}voucher_amount") as answer:
        page.get_by_role("button", name="Send").first.click()
    assert (answer.value.status, answer.value.json()) == (200, {"voucher_amount": [2640.0]})
    assert [request for request in requests if not request.startswith((url, "blob:", "data:"))] == []
    assert errors == []
    page.close()

"""Uploads from the page: the form, its progress, the report, and what can go wrong."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import SCHEMES, WIDTHS, open_page, overflow, violations
from tests.browser.test_pictures import HEIGHTS, SCREENSHOTS
from tests.support.sample_files import file_of, sample_rows

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

S3 = re.compile(r"^http://127\.0\.0\.1:\d+/voucher-selector-uploads-")


def rows_of(country: str, good: int, bad: int) -> bytes:
    good_rows = [(country, "2018-01-01", None, "3", 10.0)] * good
    return file_of(sample_rows(*good_rows, *[(country, "2018-01-01", None, "=many", 10.0)] * bad))


def choose(page: Page, name: str, content: bytes) -> None:
    page.get_by_label("Upload a Parquet file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    page.get_by_role("button", name="Upload", exact=True).click()


def change_page(page: Page, url: str, old: str, new: str) -> None:
    """Let the page be served with another text."""

    def answer(route: Route) -> None:
        response = route.fetch()
        text = response.text()
        assert re.search(old, text)
        route.fulfill(response=response, body=re.sub(old, new, text))

    page.route(url, answer)


def hold_uploads(page: Page) -> list[Route]:
    """Hold what the page sends to S3."""
    waiting: list[Route] = []
    page.route(S3, lambda route: waiting.append(route))  # noqa: PLW0108 - Playwright sets an attribute on the handler
    return waiting


def refuse_uploads(page: Page, status: int, code: str, message: str) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
    page.route(S3, lambda route: route.fulfill(status=status, body=body, headers=headers))


def test_an_upload_ends_in_its_report_and_a_download(page: Page, url: str) -> None:
    open_page(page, url, "")
    choose(page, "iceland.parquet", rows_of("Iceland", 5, 2))
    followed = page.locator("#followed")
    expect(followed).to_contain_text("iceland.parquet: 5 of 7 rows counted.")
    expect(followed).to_contain_text("total orders not a number: 2 row 5: =many row 6: =many")
    expect(page.get_by_role("row", name=re.compile("^Iceland 5 "))).to_be_visible()
    expect(page.locator("#sending")).to_be_hidden()
    assert violations(page) == []
    with page.expect_download() as download:
        followed.get_by_role("link", name="CSV of the rejected rows").click()
    assert download.value.suggested_filename == "rejected-vouchers-iceland.parquet.csv"
    rows = [*csv.DictReader(io.StringIO(download.value.path().read_text()))]
    assert [(row["row"], row["total_orders"]) for row in rows] == [("5", "'=many"), ("6", "'=many")]


def test_an_upload_has_a_name_a_date_and_names_of_columns(page: Page, url: str) -> None:
    open_page(page, url, "")
    page.get_by_text("Name, date and columns").click()
    page.get_by_label(re.compile("^Name ")).fill("2018/malta.parquet")
    page.get_by_label("Measure days up to").select_option("date")
    page.get_by_label("Date", exact=True).fill("2018-03-02")
    page.get_by_label("Other names of columns").fill("voucher_amount=voucher_amount")
    assert violations(page) == []
    choose(page, "x.parquet", rows_of("Malta", 3, 0))
    expect(page.locator("#followed")).to_contain_text("2018/malta.parquet: 3 of 3 rows counted.")
    source = page.request.get(f"{url}v1/sources/vouchers%2F2018%2Fmalta.parquet").json()
    assert source["as_of"] == "2018-03-02T00:00:00.000000Z"
    assert page.url.endswith("#upload=vouchers%2F2018%2Fmalta.parquet")


def test_a_file_is_replaced_only_after_a_question(page: Page, url: str) -> None:
    open_page(page, url, "")
    choose(page, "cyprus.parquet", rows_of("Cyprus", 2, 0))
    expect(page.locator("#followed")).to_contain_text("cyprus.parquet: 2 of 2 rows counted.")
    choose(page, "cyprus.parquet", rows_of("Cyprus", 4, 0))
    question = "vouchers/cyprus.parquet was uploaded before. Replace it, and its counts?"
    expect(page.locator("#sending")).to_contain_text(question)
    expect(page.get_by_role("button", name="Replace it")).to_be_focused()
    assert violations(page) == []
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#sending")).to_be_hidden()
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator("#followed")).to_contain_text("cyprus.parquet: 4 of 4 rows counted.")


def test_the_same_file_is_counted_again_with_another_date(page: Page, url: str) -> None:
    open_page(page, url, "")
    content = rows_of("Estonia", 3, 1)
    choose(page, "estonia.parquet", content)
    expect(page.locator("#followed")).to_contain_text("estonia.parquet: 3 of 4 rows counted.")
    page.get_by_text("Name, date and columns").click()
    page.get_by_label("Measure days up to").select_option("row")
    choose(page, "estonia.parquet", content)
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator(".sources > li").first).to_contain_text("recency as of each row's own time")
    expect(page.locator("#followed")).to_contain_text("estonia.parquet: 3 of 4 rows counted.")


def test_following_another_file_ends_the_wait_for_an_upload(page: Page, url: str) -> None:
    page.route("**/v1/sources/vouchers%2Fslow.parquet", lambda route: route.fulfill(status=404, json={}))
    open_page(page, url, "")
    choose(page, "slow.parquet", rows_of("Finland", 1, 0))
    expect(page.locator("#followed")).to_have_text("slow.parquet has been uploaded, and is being counted.")
    page.get_by_label("Follow a file").fill("chile.parquet")
    page.get_by_role("button", name="Follow").click()
    expect(page.locator("#followed")).to_contain_text("chile.parquet: 1 of 1 row counted.")
    page.wait_for_timeout(2_500)
    expect(page.locator("#followed")).to_contain_text("chile.parquet: 1 of 1 row counted.")


def test_a_file_that_cannot_be_counted_is_reported(page: Page, url: str) -> None:
    open_page(page, url, "")
    choose(page, "broken.parquet", b"PAR1 and nothing else")
    expect(page.locator("#followed")).to_contain_text("'vouchers/broken.parquet' was not counted: ")


def test_a_file_can_be_dropped(page: Page, url: str) -> None:
    open_page(page, url, "")
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['text'], 'dropped.csv')); return data; }"
    )
    page.dispatch_event("#drop", "dragover", {"dataTransfer": data})
    expect(page.locator("#drop")).to_have_class("drop over")
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    expect(page.locator("#drop")).to_have_class("drop")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#file-wrong")).to_contain_text("dropped.csv is not a Parquet file.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"country,amount\nPeru,10\n", "june.csv is not a Parquet file. Save it as Parquet, and choose that"),
        (b"", "june.csv is empty."),
        (b"PAR1" * 300, "june.csv has 1.17 KB, and the page uploads at most 1,000 bytes. Use make upload."),
    ],
    ids=["type", "empty", "size"],
)
def test_a_wrong_file_is_one_sentence_at_its_field(
    page: Page, url: str, content: bytes, message: str
) -> None:
    change_page(page, url, 'data-max-upload="[0-9]+"', 'data-max-upload="1000"')
    open_page(page, url, "")
    choose(page, "june.csv", content)
    field = page.get_by_label("Upload a Parquet file")
    expect(field).to_have_accessible_description(re.compile(re.escape(message)))
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    assert violations(page) == []


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum",
            "june.parquet is too large for an",
        ),
        (
            403,
            "AccessDenied",
            "Invalid according to Policy: Policy expired.",
            "The permission to upload june",
        ),
        (403, "AccessDenied", "Access Denied", "S3 refused june.parquet: Access Denied"),
    ],
)
def test_a_refused_upload_is_one_sentence(
    page: Page, url: str, status: int, code: str, message: str, expected: str
) -> None:
    refuse_uploads(page, status, code, message)
    open_page(page, url, "")
    choose(page, "june.parquet", b"PAR1 and so on")
    expect(page.locator("#file-wrong")).to_contain_text(expected)
    assert page.locator("#file-wrong").inner_text().rstrip(".").count(". ") <= 1
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()
    assert violations(page) == []


def test_a_network_that_fails_is_one_sentence(page: Page, url: str) -> None:
    page.route(S3, lambda route: route.abort())
    open_page(page, url, "")
    choose(page, "june.parquet", b"PAR1 and so on")
    expect(page.locator("#file-wrong")).to_have_text(
        "june.parquet was not uploaded: S3 cannot be reached, or the bucket has no CORS rule for this page."
    )


def test_an_upload_on_its_way_shows_progress_and_can_be_canceled(page: Page, url: str) -> None:
    waiting = hold_uploads(page)
    open_page(page, url, "")
    choose(page, "june.parquet", b"PAR1" * 1000)
    expect(page.get_by_role("progressbar", name="Upload of june.parquet")).to_be_visible()
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_disabled()
    page.wait_for_timeout(200)
    assert waiting
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#file-wrong")).to_have_text("The upload of june.parquet was canceled.")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()


def test_the_form_is_hidden_where_uploads_are_off(page: Page, url: str) -> None:
    change_page(page, url, 'data-max-upload="[0-9]+"', 'data-max-upload=""')
    open_page(page, url, "")
    expect(page.locator("#send")).to_be_hidden()
    expect(page.get_by_label("Follow a file")).to_be_visible()


def test_files_are_followed_below_the_prefix_of_the_stack(page: Page, url: str) -> None:
    change_page(page, url, 'data-prefix="vouchers/"', 'data-prefix="crm/vouchers/"')
    open_page(page, url, "")
    expect(page.locator("#upload-hint")).to_have_text(
        "The name below crm/vouchers/, such as 2018/may.parquet"
    )
    for name in (
        "2018/may.parquet",
        "crm/vouchers/2018/may.parquet",
        "s3://ours/crm/vouchers/2018/may.parquet",
    ):
        page.get_by_label("Follow a file").fill(name)
        with page.expect_request("**/v1/sources/crm%2Fvouchers%2F2018%2Fmay.parquet"):
            page.get_by_role("button", name="Follow").click()


def test_a_browser_loads_three_files_once(page: Page, url: str) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.removeprefix(url).partition("?")[0]))
    open_page(page, url, "")
    assert {*loaded} - {"static/mark.svg"} <= {
        "",
        "static/page.css",
        "static/page.js",
        "v1/choices",
        "v1/sources",
    }
    transferred = """performance.getEntriesByType('resource')
      .filter(entry => entry.name.includes('static/') && entry.transferSize > 0).map(entry => entry.name)"""
    page.reload()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert page.evaluate(transferred) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("state", ["sending", "failing"])
def test_an_upload_is_accessible_and_fits_at_every_width(
    page: Page, url: str, width: int, scheme: str, state: str
) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # a literal of SCHEMES
    if state == "sending":
        hold_uploads(page)
    else:
        page.route(S3, lambda route: route.abort())
    open_page(page, url, "#country=Peru&segment=frequent_segment")
    choose(page, "june.parquet", b"PAR1" * 1000)
    place = page.get_by_role("progressbar") if state == "sending" else page.locator("#file-wrong:not(:empty)")
    expect(place).to_be_visible()
    assert violations(page) == []
    assert overflow(page) == 0
    page.locator("#send").scroll_into_view_if_needed()
    page.screenshot(path=SCREENSHOTS / f"upload-{state}-{width}-{scheme}.png")

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser import hostile

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

MAX_BYTES = 100_000
TO = "\N{EN DASH}"
FRAGMENT = "#country=Peru"
SCHEMES = ("light", "dark")
LAST_ORDER = "A customer whose last order was 459 days ago is in the range 180 days and more."
FIRST_ORDER = LAST_ORDER.replace("last", "first")
WIDTHS = (360, 768, 1440)


def open_page(page: Page, url: str, country: str = FRAGMENT) -> Page:
    page.goto(url + country)
    expect(page.locator("#sources")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#segments")).not_to_have_attribute("aria-busy", "true")
    return page


def ask(page: Page, orders: str) -> None:
    page.get_by_label("Choose by").select_option("frequent_segment")
    page.get_by_role("spinbutton", name="Number of orders").fill(orders)
    page.get_by_role("button", name="Choose a voucher").click()


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in found for node in violation["nodes"]]


def overflow(page: Page) -> int:
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def answer_with(page: Page, path: str, body: str, status: int = 200) -> None:
    def answer(route: Route) -> None:
        route.fulfill(status=status, content_type="application/json", body=body)

    page.route(re.compile(rf"/{path}(\?|$)"), answer)


def test_each_range_has_a_chart_that_marks_the_chosen_amount(page: Page, url: str) -> None:
    open_page(page, url)
    range_ = page.locator(".range", has=page.get_by_role("heading", name=f"14{TO}37 orders"))
    assert range_.get_by_role("listitem").all_inner_texts() == words(
        "2,640 chosen|53.9% 11,813 uses", "3,520|20.0% 4,391 uses", "4,400|19.3% 4,225 uses",
        "no voucher used|6.8% 1,501 uses",
    )  # fmt: skip
    expect(range_).to_contain_text("21,930 uses")
    widths = range_.locator(".filled").evaluate_all(
        "bars => bars.map(bar => bar.offsetWidth / bar.parentNode.offsetWidth)"
    )
    assert widths == pytest.approx([0.539, 0.200, 0.193, 0.068], abs=0.01)


def words(*lines: str) -> list[object]:
    """Return values that equal the texts of elements, with any line breaks."""
    return [Words(line) for line in lines]


class Words:
    """Equals texts with the same words."""

    def __init__(self, text: str) -> None:
        self.words = re.split(r"[\s|]+", text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.split() == self.words

    def __hash__(self) -> int:
        return hash(tuple(self.words))

    def __repr__(self) -> str:
        return " ".join(self.words)


def test_no_voucher_is_shown_and_never_chosen(page: Page, url: str) -> None:
    open_page(page, url, "#country=Chile")
    expect(page.locator(".without").first).to_contain_text("100.0%")
    assert page.locator(".chosen").count() == 0
    ask(page, "3")
    expect(page.locator("#answer")).to_contain_text("No voucher")
    expect(page.locator("#answer")).to_contain_text("nobody used a voucher")


def test_choosing_a_country_shows_it_and_changes_the_address(page: Page, url: str) -> None:
    open_page(page, url)
    expect(page.get_by_text("106,548 uses, last changed")).to_be_visible()
    page.get_by_role("combobox", name="Country").select_option("China")
    expect(page.locator("#facts")).to_contain_text("China: 169,722 uses")
    assert page.url.endswith("#country=China")


def test_a_customer_gets_a_voucher_with_the_reasons(page: Page, url: str) -> None:
    open_page(page, url)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    expect(page.locator("#answer")).to_contain_text(
        f"A customer with 15 orders is in the range 14{TO}37 orders."
    )
    expect(page.locator("#answer")).to_contain_text("11,813 of 21,930 uses")
    expect(page.locator("#answer")).to_contain_text("with 95% confidence between 53.2% and 54.5%")


def test_recency_is_measured_on_the_given_day(page: Page, url: str) -> None:
    open_page(page, url)
    page.get_by_label("Last order", exact=True).fill("2017-05-03")
    page.get_by_label("Measured on").fill("2018-08-05")
    page.get_by_role("button", name="Choose a voucher").click()
    expect(page.locator("#answer")).to_contain_text(LAST_ORDER)


def test_a_segment_by_tenure_requires_the_first_order(page: Page, url: str) -> None:
    last, first = "days_since_last_order", "days_since_first_order"

    def segments(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(last, first))

    def selections(route: Route) -> None:
        body = route.request.post_data or ""
        assert "first_order_ts" in body
        answer = route.fetch(post_data=body.replace("first_order_ts", "last_order_ts"))
        text = answer.text().replace(first, "neither").replace(last, first).replace("neither", last)
        route.fulfill(response=answer, body=text)

    page.route("**/v1/segments?*", segments)
    page.route("**/v1/selections", selections)
    open_page(page, url)
    expect(page.locator("#segments")).to_contain_text("Days since the first order")
    expect(page.get_by_label("Last order", exact=True)).to_be_hidden()
    page.get_by_label("First order", exact=True).fill("2017-05-03")
    page.get_by_label("Measured on").fill("2018-08-05")
    page.get_by_role("button", name="Choose a voucher").click()
    expect(page.locator("#answer")).to_contain_text(FIRST_ORDER)


def test_the_error_of_a_field_is_shown_at_the_field(page: Page, url: str) -> None:
    open_page(page, url)
    page.get_by_label("Last order", exact=True).fill("2100-01-01")
    page.get_by_role("button", name="Choose a voucher").click()
    field = page.get_by_label("Last order", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile("last_order_ts"))
    assert violations(page) == []


def test_the_form_works_with_the_keyboard_only(page: Page, url: str) -> None:
    open_page(page, url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the form")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose by")).to_be_focused()
    page.keyboard.type("Number")
    page.keyboard.press("Tab")
    page.keyboard.type("15")
    page.keyboard.press("Enter")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")


def test_sources_show_their_counted_and_rejected_rows(page: Page, url: str) -> None:
    open_page(page, url)
    items = page.locator(".sources > li")
    expect(items.nth(0)).to_contain_text("failed")
    expect(items.nth(0).locator(".wrong")).not_to_be_empty()
    expect(items.nth(1)).to_contain_text("2018/late-rows.parquet")
    expect(items.nth(1)).to_contain_text("1 of 3 rows counted, 2 rejected")
    expect(items.nth(1).locator(".reasons li")).to_have_count(2)
    expect(items.nth(1).locator(".reasons")).to_contain_text("total orders negative: 1 row 1: -1")


@pytest.mark.parametrize("name", hostile.NAMES, ids=["script", "right to left", "Arabic", "long"])
def test_a_hostile_name_is_shown_as_text(page: Page, url: str, name: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    open_page(page, url, "")
    page.get_by_role("combobox", name="Country").select_option(name)
    expect(page.locator("#facts bdi")).to_have_text(name)
    ask(page, "3")
    expect(page.locator("#answer bdi")).to_have_text(name)
    expect(page.locator("#sources")).to_contain_text(hostile.FILE)
    assert page.title() == "Voucher Selector"
    assert page.locator("b, img, main script").count() == 0
    assert overflow(page) == 0


def test_the_page_is_small_and_requests_no_other_origin(page: Page, url: str) -> None:
    seen: dict[str, int] = {}
    page.on("response", lambda answer: seen.update({answer.url: len(answer.body())}))
    open_page(page, url, "")
    page.wait_for_load_state("networkidle")
    assert {address for address in seen if not address.startswith(url)} == set()
    assert 10_000 < sum(size for address, size in seen.items() if "/v1/" not in address) < MAX_BYTES


def test_the_page_works_under_the_path_of_a_stage(page: Page, url: str) -> None:
    def from_root(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/live/", "/")))

    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.route("**/live/**", from_root)
    open_page(page, f"{url}live/")
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    assert [address for address in requested if not address.startswith(f"{url}live/")] == []


def test_the_page_says_that_nothing_has_been_counted(page: Page, url: str) -> None:
    answer_with(page, "v1/countries", '{"countries":[]}')
    answer_with(page, "v1/sources", '{"sources":[],"next_cursor":null}')
    open_page(page, url)
    expect(page.locator("#segments")).to_contain_text("Nothing has been counted yet.")
    expect(page.locator("#sources")).to_contain_text("No file has been ingested yet.")
    expect(page.get_by_role("button", name="Choose a voucher")).to_be_disabled()
    assert violations(page) == []


def test_an_error_is_one_sentence_with_a_button_to_try_again(page: Page, url: str) -> None:
    answer_with(page, "v1/segments", '{"detail":"the tables cannot be read at the moment"}', 503)
    open_page(page, url)
    expect(page.locator("#segments")).to_contain_text("the tables cannot be read at the moment")
    assert violations(page) == []
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".chosen").first).to_be_visible()


def test_parts_that_are_loading_are_marked(page: Page, url: str) -> None:
    delayed: list[Route] = []
    page.route("**/v1/segments*", lambda route: delayed.append(route))  # noqa: PLW0108 - Playwright sets an attribute on the handler
    page.goto(url + FRAGMENT)
    expect(page.locator("#segments")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#segments")).to_contain_text("Loading")
    expect(page.locator("#sources")).not_to_have_attribute("aria-busy", "true")
    assert violations(page) == []
    delayed[0].continue_()
    expect(page.locator(".chosen").first).to_be_visible()


def test_older_sources_are_loaded_on_demand(page: Page, url: str) -> None:
    page.route(
        "**/v1/sources?limit=8*", lambda route: route.continue_(url=route.request.url.replace("=8", "=2"))
    )
    open_page(page, url)
    expect(page.locator(".sources > li")).to_have_count(2)
    page.get_by_role("button", name="Show older files").click()
    expect(page.locator(".sources > li")).to_have_count(4)
    expect(page.locator(".sources > li").nth(2)).to_be_focused()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible_and_fits_at_every_width(
    page: Page, url: str, width: int, scheme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # a literal of SCHEMES
    open_page(page, url)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_be_visible()
    assert violations(page) == []
    assert overflow(page) == 0

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser import hostile

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page, Route

pytestmark = pytest.mark.browser

MAX_BYTES = 100_000
TO = "\N{EN DASH}"
NBSP = "\N{NO-BREAK SPACE}"
FRAGMENT = "#country=Peru"
SCHEMES = ("light", "dark")
LAST_ORDER = "A customer whose last order was 459 days ago is in the range 180 days and more."
FIRST_ORDER = LAST_ORDER.replace("last", "first")
WIDTHS = (390, 820, 1440)
FREQUENCY = "#country=Peru&segment=frequent_segment"
MAX_SHOWN = 5


def open_page(page: Page, url: str, country: str = FRAGMENT) -> Page:
    page.goto(url + country)
    # The first requests start the function.
    expect(page.locator("[aria-busy]")).to_have_count(0, timeout=30_000)
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


def range_of(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def row_of(page: Page, country: str) -> Locator:
    return page.get_by_role("row", name=re.compile(f"^{country} "))


def change(page: Page, path: str, edit: Callable[[Any], object]) -> None:
    """Let the page receive an edited answer of the API."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        edit(body)
        route.fulfill(response=response, json=body, headers={**response.headers, "etag": '"edited"'})

    page.route(re.compile(rf"/{path}(\?|$)"), answer)


def test_the_overview_has_the_chosen_amount_of_each_country_and_range(page: Page, url: str) -> None:
    open_page(page, url, "")
    page.get_by_role("radio", name="Number of orders").check(force=True)
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert heads == [
        "Country", "Uses", f"0{TO}4 orders", f"5{TO}13 orders", f"14{TO}37 orders", "38 orders and more",
    ]  # fmt: skip
    cells = row_of(page, "Peru").get_by_role("cell")
    expect(cells.nth(0)).to_have_text("106,548")
    assert cells.nth(3).inner_text().split() == ["2,640", "53.9%", "clear"]
    assert row_of(page, "Chile").get_by_role("cell").nth(1).inner_text() == "no voucher"
    assert row_of(page, "Norway").get_by_role("cell").nth(1).inner_text().split() == ["10", "1.9%", "close"]
    assert row_of(page, "Togo").get_by_role("cell").nth(1).inner_text() == "10 and 7 more\n12.5% too few"
    row_of(page, "Peru").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Peru")).to_be_visible()
    assert page.url.endswith(FREQUENCY.replace("#country=Peru&segment", "#segment") + "&country=Peru")
    page.go_back()
    expect(page.get_by_role("table")).to_be_visible()


def test_countries_are_searched_and_filtered_in_the_address(page: Page, url: str) -> None:
    open_page(page, url, "#segment=frequent_segment")
    names = page.locator(".overview tbody th")
    everything = names.count()
    page.get_by_label("Find a country").fill("côTE")
    expect(names).to_have_text(["Cote d'Ivoire"])
    expect(page.locator("#matches")).to_have_text(f"1 of {everything} countries")
    page.reload()
    expect(names).to_have_text(["Cote d'Ivoire"])
    page.get_by_label("Find a country").fill("atlantis")
    expect(page.locator("#overview-table")).to_have_text("No country matches.")
    page.get_by_label("Find a country").fill("")
    page.get_by_label("Show").select_option("unsure")
    expect(names.get_by_text("Norway")).to_be_visible()
    expect(names.get_by_text("Togo")).to_be_visible()
    expect(names.get_by_text(re.compile("Peru|Chile"))).to_have_count(0)


def test_countries_are_ordered_by_their_uses(page: Page, url: str) -> None:
    open_page(page, url, "#sort=uses")
    uses = [int(text.replace(",", "")) for text in page.locator("tbody .uses").all_inner_texts()]
    assert uses == sorted(uses, reverse=True)
    assert len(set(uses)) > 3


def test_a_country_with_ranges_of_its_own_shows_them(page: Page, url: str) -> None:
    def edit(body: Any) -> None:
        peru = next(found for found in body["countries"] if found["country"] == "Peru")
        first, second, *_ = (
            choice for choice in peru["choices"] if choice["segment_name"] == "frequent_segment"
        )
        first["max_range"], second["min_range"] = 9, 10

    change(page, "v1/choices", edit)
    open_page(page, url, "#segment=frequent_segment")
    expect(row_of(page, "Peru").get_by_role("listitem").nth(0)).to_contain_text(f"0{TO}9 orders: 2,640")
    expect(row_of(page, "China").get_by_role("listitem")).to_have_count(0)


def test_each_range_has_a_chart_that_marks_the_chosen_amount(page: Page, url: str) -> None:
    open_page(page, url, FREQUENCY)
    range_ = range_of(page, f"14{TO}37 orders")
    assert range_.get_by_role("listitem").all_inner_texts() == words(
        "2,640 chosen|53.9% 11,813 uses", "3,520|20.0% 4,391 uses", "4,400|19.3% 4,225 uses",
        "no voucher used|6.8% 1,501 uses",
    )  # fmt: skip
    expect(range_).to_contain_text("21,930 uses · Clear")
    widths = range_.locator(".filled").evaluate_all(
        "bars => bars.map(bar => bar.offsetWidth / bar.parentNode.offsetWidth)"
    )
    assert widths == pytest.approx([0.539, 0.200, 0.193, 0.068], abs=0.01)


def test_five_amounts_of_a_range_are_shown_until_the_others_are_opened(page: Page, url: str) -> None:
    open_page(page, url, "#country=Norway&segment=frequent_segment")
    range_ = range_of(page, f"0{TO}4 orders")
    bars = range_.locator(".track")
    expect(bars.locator("visible=true")).to_have_count(MAX_SHOWN)
    page.get_by_text("and 55 more, 91.5%").click()
    expect(bars.locator("visible=true")).to_have_count(60)
    # The rendering of new counts leaves it open, with the focus.
    change(page, "v1/segments", lambda body: body["segments"][1]["ranges"][0].update(sample_size=1001))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(range_).to_contain_text("1,001 uses")
    expect(bars.locator("visible=true")).to_have_count(60)
    expect(range_.locator("summary")).to_be_focused()


def test_two_countries_are_shown_side_by_side(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    open_page(page, url, FREQUENCY)
    ask(page, "15")
    page.get_by_label("Compare with").select_option("China")
    expect(page.get_by_role("heading", name="Peru and China")).to_be_visible()
    sides = range_of(page, f"14{TO}37 orders").locator(".side")
    expect(sides).to_have_count(2)
    boxes = [side.bounding_box() for side in sides.all()]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    expect(page.locator("#answer h3")).to_have_text(["Peru", "China"])
    expect(page.locator("#answer .ticket")).to_have_text(["2,640", "1,760"])
    page.reload()
    expect(page.locator("#answer .ticket")).to_have_text(["2,640", "1,760"])


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


GUARDS = {"minimum_uses": 30, "amounts": [7.0], "min_amount": None, "max_amount": None}
UNCHOSEN: dict[str, Any] = {
    "voucher_amount": [],
    "count": None,
    "share": None,
    "interval": None,
    "verdict": None,
}


@pytest.mark.parametrize(
    ("reason", "short", "sentence"),
    [
        ("below_minimum_uses", "below the minimum", "there are fewer than 30 uses, which a choice needs."),
        ("no_amount_allowed", "no allowed amount", "none of the amounts that may be chosen was used."),
    ],
)
def test_the_page_tells_why_guards_allow_no_choice(
    page: Page, url: str, reason: str, short: str, sentence: str
) -> None:
    def guard(answer: Any) -> None:
        for part in (answer, *answer.get("countries", []), *answer.get("selections", [])):
            part["guards"] = GUARDS
        for segment in answer.get("segments", []):
            for range_ in segment["ranges"]:
                range_ |= {"reason": reason, "voucher_amount": [], "verdict": None}
                for used in range_.get("amounts", []):
                    used["allowed"] = False
        for chosen in (c for country in answer.get("countries", []) for c in country["choices"]):
            chosen |= {"reason": reason, **UNCHOSEN}
        for selected in answer.get("selections", []):
            selected |= {"reason": reason, "fallback": "country", "fallback_reason": reason, **UNCHOSEN}

    for path in ("v1/choices", "v1/segments", "v1/selections"):
        change(page, path, guard)
    open_page(page, url, "#segment=frequent_segment")
    assert row_of(page, "Togo").get_by_role("cell").nth(1).inner_text() == short
    open_page(page, url, "#country=Togo&segment=frequent_segment")
    expect(range_of(page, f"0{TO}4 orders")).to_contain_text(f"8 uses · {short}")
    assert range_of(page, f"0{TO}4 orders").locator("li", has_text="not allowed").count() == 8
    assert overflow(page) <= 0
    ask(page, "3")
    expect(page.locator("#answer")).to_contain_text("No voucher")
    expect(page.locator("#answer .why")).to_contain_text(f"In that range, in Togo, {sentence} In all ranges")
    expect(page.locator("#answer .why")).to_contain_text(f"In all ranges of Togo, {sentence}")


def test_choosing_a_country_shows_it_and_changes_the_address(page: Page, url: str) -> None:
    open_page(page, url)
    expect(page.get_by_text("106,548 uses, last changed")).to_be_visible()
    page.get_by_role("combobox", name="Country").select_option("China")
    expect(page.locator("#facts")).to_contain_text("China: 169,722 uses")
    assert page.url.endswith("#country=China")
    assert page.title() == f"China {TO} Voucher Selector"
    page.get_by_role("combobox", name="Country").select_option("")
    expect(page.get_by_role("table")).to_be_visible()


@pytest.mark.parametrize("address", ["#country=Atlantis", "#country=Peru&with=Atlantis"])
def test_an_unknown_country_in_the_address_is_reported(page: Page, url: str, address: str) -> None:
    open_page(page, url, address)
    expect(page.get_by_role("alert")).to_have_text(
        "Nothing has been counted for Atlantis. "
        "Check the spelling, or choose one of the countries of the list."
    )
    expect(page.get_by_role("table")).to_be_visible(visible="with" not in address)
    assert violations(page) == []
    page.get_by_role("combobox", name="Country").select_option("China")
    expect(page.locator("#facts")).to_contain_text("China: 169,722 uses")


def test_the_address_finds_a_country_in_any_spelling(page: Page, url: str) -> None:
    open_page(page, url, "#country=pERU")
    expect(page.get_by_role("combobox", name="Country")).to_have_value("Peru")


def test_a_customer_gets_a_voucher_with_the_reasons(page: Page, url: str) -> None:
    open_page(page, url)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    expect(page.locator("#answer")).to_contain_text(
        f"A customer with 15 orders is in the range 14{TO}37 orders."
    )
    expect(page.locator("#answer")).to_contain_text("11,813 of 21,930 uses")
    expect(page.locator("#answer")).to_contain_text("with 95% confidence between 53.2% and 54.5%")
    expect(page.locator("#answer .judged")).to_have_text(
        "Clear: used more than every other amount, beyond chance (95% confidence)."
    )


def test_the_address_has_the_customer(page: Page, url: str) -> None:
    open_page(page, url)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    page.reload()
    expect(page.get_by_label("Number of orders", exact=True).locator("visible=true").last).to_have_value("15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    page.go_back()
    expect(page.locator("#answer")).to_be_empty()


def test_the_form_keeps_what_was_chosen_when_the_country_changes(page: Page, url: str) -> None:
    open_page(page, url)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    page.get_by_role("combobox", name="Country").select_option("China")
    expect(page.locator("#answer .ticket")).to_have_text("1,760")
    orders = page.get_by_role("spinbutton", name="Number of orders")
    expect(page.get_by_label("Choose by")).to_have_value("frequent_segment")
    expect(orders).to_have_value("15")
    orders.fill("39")
    page.get_by_label("If the range has no answer").check()
    expect(page.locator("#answer")).to_be_empty()
    page.get_by_role("combobox", name="Country").select_option("Peru")
    expect(page.locator("#facts")).to_contain_text("Peru")
    expect(orders).to_have_value("39")
    expect(page.get_by_label("If the range has no answer")).to_be_checked()
    expect(page.locator("#answer")).to_be_empty()


@pytest.mark.parametrize(
    ("orders", "message"), [("", "Number of orders is missing."), ("-1", "Number of orders: ")]
)
def test_a_wrong_input_removes_the_old_answer(page: Page, url: str, orders: str, message: str) -> None:
    open_page(page, url)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    ask(page, orders)
    expect(page.locator("#answer")).to_be_empty()
    field = page.get_by_role("spinbutton", name="Number of orders")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile(message))
    assert violations(page) == []


def test_a_customer_in_no_range_gets_the_ranges_and_the_fallback(page: Page, url: str) -> None:
    open_page(page, url)
    ask(page, "4.5")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("A customer with 4.5 orders is in no range.")
    expect(answer).to_contain_text(
        f"The ranges are: 0{TO}4 orders; 5{TO}13 orders; 14{TO}37 orders; 38 orders and more."
    )
    expect(answer).to_contain_text("Choose by days since the last order")
    assert violations(page) == []
    page.get_by_role("button", name="Use the whole country").click()
    expect(answer.locator(".ticket")).to_have_text("2,640")
    expect(answer).to_contain_text("In all ranges of Peru")


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
    expect(page.get_by_label("Choose by")).to_contain_text("Days since the first order")
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
    expect(field).to_have_accessible_description(
        "Last order 2100-01-01 is in the future; give the time of a past order"
    )
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
    expect(page.get_by_role("heading", name="Uploads")).to_be_visible()
    expect(items.nth(0)).to_contain_text("failed")
    expect(items.nth(0).locator(".wrong")).not_to_be_empty()
    expect(items.nth(1)).to_contain_text("2018/late-rows.parquet")
    expect(items.nth(1)).to_contain_text("1 of 3 rows counted, 2 rejected")
    expect(items.nth(1).locator(".reasons li")).to_have_count(2)
    expect(items.nth(1).locator(".reasons")).to_contain_text("total orders negative: 1 row 1: -1")


@pytest.mark.parametrize("name", hostile.NAMES, ids=["script", "right to left", "Arabic", "long"])
def test_a_hostile_name_is_shown_as_text(page: Page, url: str, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    open_page(page, url, "")
    page.get_by_role("combobox", name="Country").select_option(name)
    expect(page.locator("#facts bdi")).to_have_text(name)
    ask(page, "3")
    expect(page.locator("#answer bdi")).to_have_text(name)
    expect(page.locator("#sources")).to_contain_text(hostile.FILE)
    assert page.title() == f"{name} {TO} Voucher Selector"
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
    open_page(page, f"{url}live/", FRAGMENT)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_have_text("2,640")
    assert [address for address in requested if not address.startswith(f"{url}live/")] == []


def test_the_page_says_that_nothing_has_been_counted(page: Page, url: str) -> None:
    answer_with(
        page, "v1/choices", '{"countries":[],"segments":[{"segment_name":"s","attribute":"total_orders"}]}'
    )
    answer_with(page, "v1/sources", '{"sources":[],"next_cursor":null,"window":null}')
    open_page(page, url, "")
    expect(page.locator("#nothing")).to_contain_text("Nothing has been counted yet.")
    expect(page.locator("#sources")).to_contain_text("Nothing has been uploaded yet.")
    expect(page.get_by_role("button", name="Choose a voucher")).to_be_hidden()
    assert violations(page) == []


def test_an_error_is_one_sentence_with_a_button_to_try_again(page: Page, url: str) -> None:
    answer_with(page, "v1/segments", '{"detail":"the tables cannot be read at the moment"}', 503)
    open_page(page, url)
    expect(page.locator("#nothing")).to_contain_text("the tables cannot be read at the moment")
    assert violations(page) == []
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".chosen").first).to_be_visible()


def test_parts_that_are_loading_are_marked(page: Page, url: str) -> None:
    delayed: list[Route] = []
    page.route("**/v1/segments*", lambda route: delayed.append(route))  # noqa: PLW0108 - Playwright sets an attribute on the handler
    page.goto(url + FRAGMENT)
    expect(page.locator("#nothing")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#nothing")).to_contain_text("Loading")
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
    page.get_by_role("button", name="Show older uploads").click()
    expect(page.locator(".sources > li")).to_have_count(4)
    expect(page.locator(".sources > li").nth(2)).to_be_focused()


@pytest.mark.parametrize("view", ["", f"{FREQUENCY}&total_orders=15", f"{FREQUENCY}&with=Norway"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible_and_fits_at_every_width(
    page: Page, url: str, width: int, scheme: str, view: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # a literal of SCHEMES
    open_page(page, url, view)
    expect(page.locator(".overview, .side").locator("visible=true").first).to_be_visible()
    assert violations(page) == []
    assert overflow(page) == 0


def test_the_page_updates_itself_while_it_is_visible(page: Page, url: str) -> None:
    page.clock.install()
    open_page(page, url, FREQUENCY)
    orders = page.get_by_role("spinbutton", name="Number of orders")
    orders.fill("15")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url.removeprefix(url)))
    with page.expect_response("**/v1/sources*") as unchanged:
        page.clock.run_for(10_000)
    unchanged.value.finished()
    assert [path for path in requested if not path.startswith("v1/sources")] == []

    def arrive(body: Any) -> None:
        new = {
            **body["sources"][-1],
            "source": "vouchers/new.parquet",
            "committed_at": "2026-11-27T10:00:00Z",
        }
        body["sources"].insert(0, new)

    change(page, "v1/sources", arrive)
    change(page, "v1/segments", lambda body: body["segments"][1]["ranges"][0].update(sample_size=987_654))
    page.clock.run_for(10_000)
    expect(page.get_by_role("status").first).to_contain_text("new.parquet: ")
    expect(page.locator(".sources .new")).to_contain_text("new: ")
    expect(page.locator("#segments")).to_contain_text("987,654 uses")
    expect(orders).to_have_value("15")
    expect(orders).to_be_focused()


def test_an_upload_is_followed_from_its_name_to_its_result(page: Page, url: str) -> None:
    path, name = re.compile("/v1/sources/vouchers%2F2018%2Fvouchers.parquet$"), "2018/vouchers.parquet"
    answers: list[dict[str, Any]] = [
        {"status": 404, "json": {"detail": "there is no source"}},
        {"json": {"source": f"vouchers/{name}", "status": "counted", "commit_under_way": True}},
    ]
    page.route(path, lambda route: route.fulfill(**answers.pop(0)) if answers else route.continue_())
    page.clock.install()
    open_page(page, url)
    page.get_by_label("Follow a file").fill(f"s3://uploads/vouchers/{name}")
    page.get_by_role("button", name="Follow").click()
    followed = page.locator("#followed")
    expect(followed).to_contain_text(f"{name} has not been counted yet.")
    assert page.url.endswith("#country=Peru&upload=s3%3A%2F%2Fuploads%2Fvouchers%2F2018%2Fvouchers.parquet")
    page.clock.run_for(10_000)
    expect(followed).to_have_text(f"{name} is being counted.")
    page.clock.run_for(10_000)
    expect(followed).to_contain_text(f"{name}: 511,427 of 511,427 rows counted.")


def test_a_followed_upload_that_failed_is_reported(page: Page, url: str) -> None:
    open_page(page, url, "#upload=2018/export.parquet")
    expect(page.locator("#followed")).to_contain_text("it cannot be read as Parquet")


def test_the_page_asks_nothing_while_it_is_hidden(page: Page, url: str) -> None:
    page.clock.install()
    open_page(page, url)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); }"
    page.evaluate(hide, arg=True)
    page.clock.run_for(120_000)
    assert requested == []
    page.evaluate(hide, arg=False)
    with page.expect_response("**/v1/sources*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_an_update_that_fails_is_reported_and_leaves_the_page(page: Page, url: str) -> None:
    page.clock.install()
    open_page(page, url)
    page.route("**/v1/sources*", lambda route: route.abort())
    page.clock.run_for(10_000)
    expect(page.get_by_role("status").first).to_contain_text("Not up to date. The API cannot be reached.")
    expect(page.locator(".chosen").first).to_be_visible()
    page.unroute_all()
    page.clock.run_for(10_000)
    expect(page.get_by_role("status").first).to_be_empty()


@pytest.mark.parametrize(
    ("address", "name", "start"),
    [
        ("", "choices.csv", "country,segment_name,min_range,max_range,voucher_amount,count,share"),
        (
            FREQUENCY,
            "counts-Peru.csv",
            "country,segment_name,min_range,max_range,voucher_amount,count,currency\r\nPeru,frequent",
        ),
    ],
)
def test_what_is_shown_can_be_saved_as_csv(page: Page, url: str, address: str, name: str, start: str) -> None:
    open_page(page, url, address)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    assert download.value.suggested_filename == name
    assert download.value.path().read_bytes().decode().startswith(start)


def test_a_value_of_the_address_that_its_field_does_not_take_gets_no_answer(page: Page, url: str) -> None:
    open_page(page, url, f"{FREQUENCY}&total_orders=many")
    expect(page.get_by_text("Number of orders: “many” in the address cannot be read.")).to_be_visible()
    expect(page.locator("#answer .answered")).to_have_count(0)


def test_a_large_amount_is_not_broken_into_lines_on_a_phone(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    open_page(page, url)
    lines = """(found) => {
      const text = document.createTreeWalker(found, NodeFilter.SHOW_TEXT).nextNode();
      text.textContent = "10,000,000";
      const range = document.createRange();
      range.selectNodeContents(text);
      return range.getClientRects().length;
    }"""
    assert page.locator(".amounts .amount").first.evaluate(lines) == 1


def test_print_has_the_content_without_controls(page: Page, url: str) -> None:
    open_page(page, url, f"{FREQUENCY}&total_orders=15")
    expect(page.locator("#answer .ticket")).to_be_visible()
    page.emulate_media(media="print")
    for control in ("#customer", "#country", "#tabs", "#sources", "#downloads", "footer"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator("#answer .ticket")).to_be_visible()
    expect(page.locator("#segments .chosen").first).to_be_visible()


def test_the_currency_is_beside_every_amount(page: Page, url: str) -> None:
    change(page, "v1/choices", lambda body: [c.update(currency="PEN") for c in body["countries"]])
    change(page, "v1/segments", lambda body: body.update(currency="PEN"))
    change(page, "v1/selections", lambda body: [s.update(currency="PEN") for s in body["selections"]])
    open_page(page, url, "#segment=frequent_segment")
    assert row_of(page, "Peru").get_by_role("cell").nth(3).inner_text().startswith(f"2,640{NBSP}PEN")
    open_page(page, url, f"{FREQUENCY}&total_orders=15")
    expect(page.locator("#answer .ticket")).to_have_text(f"2,640{NBSP}PEN")
    expect(page.locator("#answer .amount").first).to_have_text(f"3,520{NBSP}PEN")
    amounts = page.locator("#segments li:not(.without) .amount > :first-child").all_inner_texts()
    assert len(amounts) > 3
    assert {amount.partition(NBSP)[2] for amount in amounts} == {"PEN"}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert overflow(page) == 0


def history(page: Page, days: int) -> None:
    """Let the page receive a history of some days, the last of which has the most uses."""
    body = {
        "country": "Peru",
        "days": [
            {"uploaded_on": f"2026-{5 + n // 28:02}-{1 + n % 28:02}", "uses": 100 * (n + 1), "sources": 1}
            for n in range(days)
        ],
        "incomplete": False,
    }
    answer_with(page, "v1/history", json.dumps(body))


def test_the_uses_by_upload_date_are_a_chart_and_a_table(page: Page, url: str) -> None:
    history(page, 40)
    open_page(page, url, FREQUENCY)
    chart = page.get_by_role("figure", name="Peru: uses by upload date, the latest files")
    bars = chart.locator(".day")
    expect(bars).to_have_count(30)
    heights = bars.evaluate_all("bars => bars.map(bar => bar.offsetHeight)")
    assert heights == sorted(heights)
    assert heights[0] / heights[-1] == pytest.approx(11 / 40, abs=0.03)
    expect(chart.locator(".dates")).to_have_text(re.compile("11 May ?12 Jun"))
    table = chart.get_by_role("table", name="Uses in Peru by upload date")
    expect(table).to_be_hidden()
    chart.get_by_text("As a table").focus()
    page.keyboard.press("Enter")
    expect(table.get_by_role("row")).to_have_count(31)
    expect(table.get_by_role("row").last).to_have_text(re.compile("12 Jun 2026 ?4,000 ?1"))
    assert violations(page) == []


def test_the_chart_is_of_the_files_of_the_country(page: Page, url: str) -> None:
    open_page(page, url, "#country=Peru&with=Chile")
    charts = page.get_by_role("figure")
    expect(charts).to_have_count(2)
    charts.first.get_by_text("As a table").click()
    expect(charts.first.get_by_role("row").last).to_contain_text("106,548")
    expect(charts.nth(1)).to_contain_text("Chile: uses by upload date")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert overflow(page) == 0

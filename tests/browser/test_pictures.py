"""Screenshots of the page in .screenshots/; with SHOTS=1 also those of the README."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser import hostile
from tests.browser.test_page import SCHEMES, WIDTHS, change, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / ".screenshots"
VIEWS = {
    "overview": "",
    "country": "#country=Peru&segment=frequent_segment&total_orders=15",
    "compared": "#country=Peru&with=China&segment=frequent_segment&total_orders=15",
}
README_IMAGES = {("overview", 1440, "light"): "page-wide.png", ("country", 390, "dark"): "page-phone.png"}
HEIGHTS = {390: 844, 820: 1180, 1440: 900}
PNG = b"\x89PNG"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("view", "address"), VIEWS.items())
def test_a_screenshot_is_taken(
    page: Page, url: str, width: int, scheme: str, view: str, address: str
) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # a literal of SCHEMES
    change(page, "v1/choices", leave_out_hostile_names)
    open_page(page, url, address)
    expect(page.locator(".overview, #answer .ticket").locator("visible=true").first).to_be_visible()
    image = page.screenshot(path=SCREENSHOTS / f"{view}-{width}-{scheme}.png", full_page=True)
    assert image.startswith(PNG)
    if os.environ.get("SHOTS") and (name := README_IMAGES.get((view, width, scheme))):
        page.screenshot(path=ROOT / "docs" / "images" / name)


def leave_out_hostile_names(choices: Any) -> None:
    choices["countries"] = [found for found in choices["countries"] if found["country"] not in hostile.NAMES]

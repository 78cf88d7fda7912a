"""Screenshots of the page in .screenshots/; with SHOTS=1 also those of the README."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import SCHEMES, WIDTHS, ask, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / ".screenshots"
README_IMAGES = {(1440, "light"): "page-wide.png", (390, "dark"): "page-phone.png"}
HEIGHTS = {390: 844, 768: 1024, 1440: 900}
PNG = b"\x89PNG"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_screenshot_is_taken(page: Page, url: str, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # a literal of SCHEMES
    open_page(page, url, "#country=Australia")
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_be_visible()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    image = page.screenshot(path=SCREENSHOTS / f"{width}-{scheme}.png", full_page=True)
    assert image.startswith(PNG)
    if os.environ.get("SHOTS") and (name := README_IMAGES.get((width, scheme))):
        page.screenshot(path=ROOT / "docs" / "images" / name)

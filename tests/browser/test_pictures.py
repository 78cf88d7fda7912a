"""Pictures of the page, to be looked at: in .screenshots/, and with SHOTS=1 those of the README too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import SCHEMES, WIDTHS, ask, opened

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".screenshots"
SHOWN = {(1440, "light"): "page-wide.png", (360, "dark"): "page-phone.png"}
HEIGHTS = {360: 780, 768: 1024, 1440: 900}
PNG = b"\x89PNG"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_picture_is_taken(page: Page, url: str, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # as above
    opened(page, url)
    ask(page, "15")
    expect(page.locator("#answer .ticket")).to_be_visible()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    taken = page.screenshot(path=KEPT / f"{width}-{scheme}.png", full_page=True)
    assert taken.startswith(PNG)
    if os.environ.get("SHOTS") and (name := SHOWN.get((width, scheme))):
        page.screenshot(path=ROOT / "docs" / "images" / name)

"""A real browser, and a stack with files."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from tests.browser import hostile
from tests.support.sample_files import BROKEN, DIRTY, file_of, sample_rows
from voucher_selector.cli.stack import write_with_progress
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.stack import running
from voucher_selector.operations.upload import object_key, send, wait_until_counted
from voucher_selector.sample_data.facts import AS_OF
from voucher_selector.stack import Deployed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Playwright

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Tests may share the machine with other programs.
expect.set_options(timeout=20_000)

ARGUMENTS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
NO_BROWSER = (
    "the page was NOT tested, since no browser was found; install Chromium or Chrome, set CHROMIUM=path, "
    "or run .venv/bin/playwright install chromium"
)

# Sixty amounts of which the first is barely ahead, and eight that were used once.
MANY = sample_rows(
    *[
        ("Norway", "2018-01-01", None, "3", 10.0 * n)
        for n in range(1, 61)
        for _ in range(18 if n == 1 else 16)
    ],
    *[("Togo", "2018-01-01", None, "3", 10.0 * n) for n in range(1, 9)],
    ("Cote d'Ivoire", "2018-01-01", None, "3", 10.0),
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: from CHROMIUM, from the PATH, or from Playwright."""
    with sync_playwright() as playwright:
        try:
            found = _launch(playwright)
        except Error as error:
            pytest.exit(f"{NO_BROWSER}\n{error}", returncode=1)
        yield found
        found.close()


def _launch(playwright: Playwright) -> Browser:
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, COMMANDS)), None)
    # Chromium's sandbox does not work for root.
    sandbox = [] if os.getuid() else ["--no-sandbox"]
    return playwright.chromium.launch(executable_path=named, args=[*ARGUMENTS, *sandbox])


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a stack with files: the sample, hostile names, rejected rows, and no Parquet."""
    directory = tmp_path_factory.mktemp("files")
    with running(free_port(), free_port()) as stack:
        deployed = Deployed(session(), stack.endpoint, stack.outputs)
        for name, path in _files(directory).items():
            send(deployed, {object_key(name): path}, {"as-of": AS_OF} if path.name == "sample" else {})
            assert [*wait_until_counted(deployed, [object_key(name)])]
        yield f"{stack.url}/"


def _files(directory: Path) -> dict[str, Path]:
    write_with_progress(directory / "sample")
    (directory / "hostile").write_bytes(file_of(hostile.ROWS))
    (directory / "dirty").write_bytes(file_of(DIRTY))
    (directory / "small").write_bytes(file_of(sample_rows(("Chile", "2018-01-01", None, "3", None))))
    (directory / "many").write_bytes(file_of(MANY))
    (directory / "broken").write_bytes(BROKEN)
    names = {
        "hostile": hostile.FILE,
        "small": "chile.parquet",
        "many": "many.parquet",
        "sample": "2018/vouchers.parquet",
        "dirty": "2018/late-rows.parquet",
        "broken": "2018/export.parquet",
    }
    return {name: directory / file for file, name in names.items()}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new browser page; fails if a script fails or violates the content security policy."""
    new_page = browser.new_page(viewport={"width": 1024, "height": 800}, timezone_id="UTC")
    new_page.set_default_timeout(20_000)
    # The first requests start the function, one process for each file of the page.
    new_page.set_default_navigation_timeout(60_000)
    errors: list[str] = []
    new_page.on("pageerror", lambda error: errors.append(str(error)))
    new_page.on("console", lambda line: errors.append(line.text) if "Security Policy" in line.text else None)
    yield new_page
    new_page.close()
    assert errors == []

"""The notebook on the running stack: objects are read from S3, with awswrangler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.pages import Page
from tests.support.sample_files import DIRTY, PERU, file_of
from voucher_selector.cli.main import cli
from voucher_selector.errors import Exit
from voucher_selector.explore import sources
from voucher_selector.explore.notebook import render_html, run_notebook
from voucher_selector.local_stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.place import Place

pytestmark = [pytest.mark.stack, pytest.mark.anywhere, pytest.mark.usefixtures("environment_of_place")]

FIRST, SECOND = "explore/dirty.parquet", "explore/peru é+&.parquet"


@pytest.fixture
def upload(place: Place, tmp_path: Path) -> Iterator[Callable[..., str]]:
    names = []

    def send(name: str, body: bytes, as_of: str | None = None) -> str:
        names.append(name)
        (tmp_path / "uses.parquet").write_bytes(body)
        place.upload(tmp_path / "uses.parquet", name, as_of)
        return f"s3://{place.uploads}/vouchers/{name}"

    yield send
    for name in names:
        place.delete(name)


def assert_tells(page: Page, place: Place, name: str) -> None:
    """The page shows the numbers of the report of the object's source."""
    report = place.state(name).report
    reported = {what: int(n.replace(",", "")) for what, n, *_ in page.table("As of: ")}
    assert reported["all"] == report["rows"]
    assert reported["counted"] == report["counted"]
    assert {reason: reported[reason] for reason in report["rejected_by_reason"]} == report[
        "rejected_by_reason"
    ]
    assert {s: reported[f"in no range of {s}"] for s in report["segments"]} == {
        s: content["unsegmented"] for s, content in report["segments"].items()
    }


def test_the_notebook_runs_for_the_object_that_was_counted_last(
    place: Place, upload: Callable[..., str]
) -> None:
    upload(FIRST, file_of(DIRTY))
    uri = upload(SECOND, file_of(PERU), "row")
    place.until(lambda: sources.select_file().uri == uri)

    page = Page(render_html(run_notebook(), "title"))

    assert page.tables["file"] == [[uri, f"{len(file_of(PERU)):,}"]]
    assert page.tables["as-of date"] == [["row"]]
    assert_tells(page, place, SECOND)


def test_another_object_is_named_by_its_key(place: Place, upload: Callable[..., str]) -> None:
    uri = upload(FIRST, file_of(DIRTY), "2021-01-01")
    upload(SECOND, file_of(PERU))

    page = Page(render_html(run_notebook(KEY=FIRST), "title"))

    assert page.tables["file"][0][0] == uri
    assert page.tables["as-of date"] == [["date 2021-01-01"]]
    assert_tells(page, place, FIRST)


def test_an_object_becomes_a_page(
    place: Place, upload: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = upload(FIRST, file_of(DIRTY))

    result = CliRunner().invoke(cli, ["profile", uri])

    assert (result.exit_code, result.stdout) == (Exit.FINE, "dirty.profile.html\n")
    assert_tells(Page((tmp_path / "dirty.profile.html").read_text()), place, FIRST)


def test_an_object_is_read_and_none_whose_key_only_begins_so(
    place: Place, upload: Callable[..., str]
) -> None:
    upload(FIRST + ".old", file_of(PERU))
    upload(FIRST, file_of(DIRTY))

    page = Page(render_html(run_notebook(KEY=FIRST), "title"))

    assert page.table(f"{len(DIRTY)} rows")
    assert_tells(page, place, FIRST)


def test_a_key_that_is_not_there_is_named_in_one_sentence(place: Place) -> None:
    with pytest.raises(sources.ExploreError) as raised:
        run_notebook(KEY="nonesuch.parquet")

    assert str(raised.value) == f"There is no object s3://{place.uploads}/vouchers/nonesuch.parquet"


def test_an_object_that_is_not_there_ends_the_command_with_2(place: Place) -> None:
    result = CliRunner().invoke(cli, ["profile", f"s3://{place.uploads}/vouchers/nonesuch.parquet"])

    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    assert "Error: There is no object s3://" in result.stderr


def test_without_a_stack_the_first_cell_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_PORT", str(port := free_port()))

    with pytest.raises(sources.ExploreError) as raised:
        run_notebook()

    assert f"http://127.0.0.1:{port} does not answer. Start the stack: make run" in str(raised.value)

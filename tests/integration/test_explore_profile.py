"""The command `profile` writes one page for any file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_notebook

from ingest.counting.as_of import AsOf, microseconds
from ingest.counting.count_file import Counted, count_file
from tests.browser import hostile
from tests.support.pages import Page
from tests.support.parquet_builder import footer_of, with_footer
from tests.support.sample_files import BROKEN, DIRTY, file_of, sample_rows
from tests.support.stack_harness import parquet
from tests.support.thrift import I32
from voucher_selector.cli.main import cli
from voucher_selector.cli.stack import write_with_progress
from voucher_selector.errors import Exit
from voucher_selector.explore import notebook
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

ROOT = Path(__file__).parents[2]
ORIGINAL = os.environ.get("VOUCHERS_2018", "")
DATE = "2018-08-05"
PLAIN = {
    *("html", "head", "meta", "title", "style", "body", "main", "div", "h1", "h2", "h3", "p", "em", "code"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "img"),
}


def profile(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["profile", *arguments])


def page_of(path: Path, *arguments: str) -> Page:
    result = profile(str(path), *arguments)
    assert (result.exit_code, result.exception) == (Exit.FINE, None), result.stderr
    return Page(Path(result.stdout.strip()).read_text())


def counted(path: Path, as_of: str = DATE) -> Counted:
    with path.open("rb") as file:
        return count_file(file, microseconds(AsOf.parse(as_of).moment), load_definitions())


def write_file(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def assert_tells_what_is_counted(page: Page, of: Counted) -> None:
    report = of.report
    reported = {name: int(n.replace(",", "")) for name, n, *_ in page.table("As of: ")}
    assert reported == {
        "all": report.rows,
        "counted": report.counted,
        "no number of orders": report.repaired["total_orders_empty"],
        "no voucher amount": report.repaired["voucher_amount_null"],
        **{f"in no range of {name}": content.unsegmented for name, content in report.segments.items()},
        "rejected": report.rejected,
        **report.rejected_by_reason,
    }


def assert_needs_nothing_else(page: Page) -> None:
    assert [url[:40] for url in page.resources if not url.startswith("data:image/png;base64,")] == []
    assert page.handlers == []
    assert page.tags <= PLAIN
    assert "default-src 'none'" in page.source
    assert len(page.alternatives) == 6
    assert all(page.alternatives)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.parquet"
    write_with_progress(path)
    return path


def test_the_page_of_the_sample_shows_the_counts_of_the_product(sample: Path) -> None:
    page = page_of(sample, "--as-of", "2020-06-01")

    assert_tells_what_is_counted(page, counted(sample, "2020-06-01"))
    assert_needs_nothing_else(page)
    assert page.title == "sample.parquet: voucher uses"
    answers = {tuple(row[:3]): row[3:5] for row in page.table("Answers by country")}
    assert answers["Peru", "frequent_segment", "14\N{EN DASH}37"] == ["2640", "21,930"]
    assert page.table("Counted rows")[2] == ["Peru", "106,547", "20.8%"]
    assert ["-35", "23,900"] in page.table("Months from")
    hits = page.table("Hits of the choices from 2020-04-")
    assert [row[:2] for row in hits[:2]] == [["China", "recency_segment"], ["China", "frequent_segment"]]
    assert len(hits) == 8


@pytest.mark.skipif(not ORIGINAL, reason="VOUCHERS_2018 does not name the public file of 2018")
def test_the_page_of_the_public_file_shows_the_counts_of_the_product(tmp_path: Path) -> None:
    page = page_of(Path(ORIGINAL), "--as-of", DATE, "--out", str(tmp_path / "2018.html"))

    assert_tells_what_is_counted(page, counted(Path(ORIGINAL)))
    assert_needs_nothing_else(page)
    assert page.table("10 rows repeat an earlier one")
    early = [int(n.replace(",", "")) for months, n in page.table("Months from") if int(months) < 0]
    assert sum(early) == 22_845


def test_the_page_lies_beside_the_file_and_is_named_and_timed(tmp_path: Path) -> None:
    path = write_file(tmp_path / "dirty.parquet.gzip", file_of(DIRTY))

    result = profile(str(path), "--as-of", DATE)

    assert result.stdout == f"{tmp_path / 'dirty.profile.html'}\n"
    assert result.stderr.startswith(f"✓ Exploring {path} ")
    assert result.stderr.rstrip().endswith(" s")
    page = Page((tmp_path / "dirty.profile.html").read_text())
    assert_tells_what_is_counted(page, counted(path))
    assert_needs_nothing_else(page)
    rejected = [row[:2] for row in page.tables["row"]]
    assert rejected == [["0", "country_code_missing"], ["1", "total_orders_negative"]]


@pytest.mark.parametrize("content", [[], DIRTY[:1]], ids=["no rows", "no row that counts"])
def test_a_file_of_which_nothing_counts_has_a_page(tmp_path: Path, content: list[dict[str, Any]]) -> None:
    path = write_file(tmp_path / "none.parquet", file_of(content))

    page = page_of(path, "--as-of", DATE)

    assert_tells_what_is_counted(page, counted(path))
    assert_needs_nothing_else(page)


def test_what_a_file_holds_stays_text(tmp_path: Path) -> None:
    names = (*hostile.NAMES, "$\\frac{1}{$", "{{ 7 * 7 }}", "</style><script>1</script>")
    content = sample_rows(*[(name, "2018-01-01", "2018-02-01", "3", 2640.0) for name in names])
    path = write_file(tmp_path / "<b>bold<img src=x onerror=alert(1)>.parquet", file_of(content))

    page = page_of(path, "--as-of", DATE, "--out", str(tmp_path / "hostile.html"))

    assert_tells_what_is_counted(page, counted(path))
    assert_needs_nothing_else(page)
    assert page.title == f"{path.name}: voucher uses"
    reported = {row[0] for row in page.table("Counted rows")}
    assert {hostile.SCRIPT, hostile.ARABIC, "$\\frac{1}{$", "{{ 7 * 7 }}"} <= reported


def test_columns_that_counting_does_not_need_may_be_of_any_kind_or_missing(tmp_path: Path) -> None:
    plain = pq.read_table(write_file(tmp_path / "plain.parquet", file_of(DIRTY[1:]))).drop_columns(
        ["timestamp"]
    )
    table = plain.append_column("tags", pa.array([[{"a": 1}], None])).append_column(
        "of a zone", pa.array([0, None], pa.timestamp("us", "+02:00"))
    )
    pq.write_table(table, tmp_path / "odd.parquet")

    page = page_of(tmp_path / "odd.parquet")

    assert [row[0] for row in page.table("2 rows")] == table.column_names
    assert page.table("Uses by range")[0][:2] == ["recency_segment", "30\N{EN DASH}60"]
    assert len(page.table("Uses by range")[0]) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([""], Exit.USAGE, "Missing FILE. Example: voucher-selector profile s3://"),
        (["missing.parquet"], Exit.USAGE, "There is no file missing.parquet"),
        (
            ["good.parquet", "folder", "--out", "a.html"],
            Exit.USAGE,
            "--out names one page, but there are 2 files",
        ),
        (["empty"], Exit.USAGE, "There are no files in empty"),
        (["broken.parquet"], Exit.NO, "broken.parquet cannot be counted: it cannot be read as Parquet"),
        (
            ["good.parquet", "--as-of", "May"],
            Exit.USAGE,
            "Invalid --as-of: 'May' is not an as-of date; use a date",
        ),
        (
            ["good.parquet", "--out", "nowhere/a.html"],
            Exit.USAGE,
            "nowhere/a.html is a folder, or its folder does not exist. Name another file with --out",
        ),
        (
            ["good.parquet", "--out", "good.parquet"],
            Exit.USAGE,
            "good.parquet is the explored file itself. Name another file with --out",
        ),
        (["s3://"], Exit.USAGE, "s3:// is not the URI of an object"),
    ],
)
def test_what_cannot_be_explored_ends_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: Exit, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    good = write_file(tmp_path / "good.parquet", file_of(DIRTY))
    write_file(tmp_path / "broken.parquet", BROKEN)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    write_file(tmp_path / "folder" / "a.parquet", file_of(DIRTY))

    result = profile(*arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    (sentence,) = result.stderr.splitlines()[-1:]
    assert sentence.startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert message in sentence
    assert list(tmp_path.glob("**/*.html")) == []
    assert good.read_bytes() == file_of(DIRTY)


def test_a_file_that_cannot_be_counted_has_a_page_with_its_columns(tmp_path: Path) -> None:
    table = pq.read_table(write_file(tmp_path / "good.parquet", file_of(DIRTY)))
    names = ["<b>Country", "last_order_ts", "timestamp", "orders", "amount"]
    pq.write_table(table.rename_columns(names), tmp_path / "short.parquet")

    result = profile(str(tmp_path / "short.parquet"))

    assert (result.exit_code, result.stdout) == (Exit.NO, f"{tmp_path / 'short.profile.html'}\n")
    mapping = "country_code=%3Cb%3ECountry,total_orders=orders,voucher_amount=amount"
    assert "short.parquet cannot be counted: it has no column 'country_code'" in result.stderr
    assert result.stderr.rstrip().endswith(f'--columns "{mapping}"')
    page = Page((tmp_path / "short.profile.html").read_text())
    assert page.tags <= PLAIN
    assert mapping in page.text
    assert [row[0] for row in page.table(f"{len(DIRTY)} rows")] == names
    assert ["last_order_ts", "column 'last_order_ts'"] in page.table("needed")
    assert not page.resources


@pytest.mark.parametrize("name", ["uses", "uses/day=1", "uses/day=1/part.parquet"])
def test_a_table_or_a_part_of_one_has_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (Path("uses", "_delta_log", f"{0:020}.json"), Path("uses", "day=1", "part.parquet")):
        path.parent.mkdir(parents=True)
        path.write_bytes(file_of(DIRTY))

    result = profile(name)

    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    table = "uses/" if name == "uses" else f"{tmp_path / 'uses'}/"
    assert result.stderr == (
        f"Error: {name} cannot be explored: it has rows of the Delta Lake table '{table}'; "
        "write its rows to a Parquet file, such as with DuckDB's delta_scan or iceberg_scan\n"
    )


@pytest.mark.parametrize(("under_make", "option"), [("", "--columns "), ("1", "COLUMN_NAMES=")])
def test_advice_on_a_file_of_this_machine_is_not_to_upload_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under_make: str, option: str
) -> None:
    monkeypatch.setenv("VOUCHER_SELECTOR_MAKE", under_make)
    plain = pq.read_table(write_file(tmp_path / "plain.parquet", file_of(DIRTY)))
    pq.write_table(plain.rename_columns({"country_code": "country"}), tmp_path / "renamed.parquet")
    pq.write_table(plain.select(["country_code"]), tmp_path / "short.parquet")
    write_file(tmp_path / "cut.parquet", BROKEN)

    result = profile(str(tmp_path))

    assert "upload" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if "cannot be counted: " in line]
    (cut, renamed, short) = (line.partition("; ")[2] for line in lines)
    assert cut == "copy the whole file again"
    assert renamed.endswith(f'name its columns, such as with {option}"country_code=country"')
    assert short == "it has 'country_code'"
    page = Page((tmp_path / "renamed.profile.html").read_text())
    assert f'{option}"country_code=country"' in page.text
    assert "upload a corrected" not in page.text


def test_columns_come_from_the_mapping_and_the_path(tmp_path: Path) -> None:
    rows = [row for row in DIRTY if row["country_code"]]
    table = pq.read_table(write_file(tmp_path / "plain.parquet", file_of(rows)))
    folder = tmp_path / "Country=Peru"
    folder.mkdir()
    renamed = table.drop_columns(["country_code"]).rename_columns(
        ["last_order_ts", "timestamp", "total_orders", "EUR"]
    )
    pq.write_table(renamed, folder / "part.parquet")
    (folder / "_SUCCESS").touch()

    result = profile(str(folder), "--as-of", DATE, "--columns", "country_code=country,voucher_amount=eur")

    assert (result.exit_code, result.stdout) == (Exit.FINE, f"{folder / 'part.profile.html'}\n"), (
        result.stderr
    )
    assert_tells_what_is_counted(
        Page((folder / "part.profile.html").read_text()), counted(tmp_path / "plain.parquet")
    )


def test_every_file_has_a_page_and_the_exit_code_tells(tmp_path: Path) -> None:
    write_file(tmp_path / "good.parquet", file_of(DIRTY))
    write_file(tmp_path / "broken.parquet", BROKEN)

    result = profile(str(tmp_path), "--as-of", DATE)

    assert (result.exit_code, result.stdout) == (Exit.NO, f"{tmp_path / 'good.profile.html'}\n")
    assert "broken.parquet cannot be counted: it cannot be read as Parquet" in result.stderr
    assert result.stderr.splitlines()[-1] == "Error: 1 of 2 files cannot be counted"


def test_a_column_that_neither_pandas_nor_arrow_reads_has_a_line(tmp_path: Path) -> None:
    good = write_file(tmp_path / "good.parquet", file_of(DIRTY))
    table = pq.read_table(good)
    far = table.append_column("far", pa.array([2**30] * len(table), pa.date32()))
    body = parquet(far.append_column("odd", pa.array([1] * len(table))), store_schema=False)
    message = footer_of(body)[1]
    message[2][1][1][-1][6] = (I32, 12)  # integers of 16 bits, which this is not
    odd = write_file(tmp_path / "odd.parquet", with_footer(body, message))

    page = page_of(odd, "--as-of", DATE)

    assert_tells_what_is_counted(page, counted(good))
    described = {row[0]: row[1] for row in page.table(f"{len(DIRTY)} rows")}
    assert described["odd"].startswith("not read: ")
    assert described["far"] == "str"


def test_a_kernel_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deadly = new_code_cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", id="deadly")
    nbformat.write(new_notebook(cells=[deadly]), tmp_path / "deadly.ipynb")
    monkeypatch.setattr(notebook, "NOTEBOOK", tmp_path / "deadly.ipynb")
    path = write_file(tmp_path / "good.parquet", file_of(DIRTY))

    result = profile(str(path))

    assert (result.exit_code, result.stdout) == (Exit.NO, "")
    assert (
        "Error: The notebook's process ended. Most often exploring the file takes more memory"
        in result.stderr
    )


def test_ctrl_c_ends_it_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    path = write_file(tmp_path / "good.parquet", file_of(DIRTY))
    (tmp_path / "tmp").mkdir()
    startup, started = tmp_path / "ipython" / "profile_default" / "startup", tmp_path / "started"
    startup.mkdir(parents=True)
    (startup / "slow.py").write_text(
        "import pathlib, time\n"
        "def wait(*_):\n"
        f"    pathlib.Path({str(started)!r}).touch()\n"
        "    time.sleep(300)\n"
        "get_ipython().events.register('pre_run_cell', wait)\n"
    )
    # If a shell started the tests in the background, they ignore the signal, and so would the command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = subprocess.Popen(  # noqa: S603 - our own launcher
        [ROOT / ".venv" / "bin" / "voucher-selector", "profile", path],
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp"), "IPYTHONDIR": str(tmp_path / "ipython")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(started.exists)

    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)

    assert (command.returncode, out) == (Exit.INTERRUPTED, "")
    assert "Traceback" not in err
    assert [*tmp_path.glob("tmp/notebook-*")] == [*tmp_path.glob("*.html")] == []


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)

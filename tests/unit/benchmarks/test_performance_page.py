from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from benchmarks import docs_page

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("starting", "answering")
SOURCE = re.compile(r"`make bench[^`]*`, on a machine with \d+ cores \(\w+, \w+\), 20\d\d-\d\d-\d\d\.$")


@pytest.mark.parametrize("page", [docs_page.PAGE, docs_page.PAGE.parents[1] / "explanation" / "scale.md"])
def test_all_figures_have_a_command_a_machine_and_a_date(page: Path) -> None:
    parts = re.findall(r"<!-- (?!end of )([a-z]+) -->\n\n(.*?)\n\n", page.read_text())
    assert parts
    assert [part for part, source in parts if not SOURCE.fullmatch(source)] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_benchmark_changes_its_own_part_of_the_page_and_no_other(tmp_path: Path, part: str) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(docs_page.PAGE.read_text())
    docs_page.write(part, "first", "make bench", copy)
    first = copy.read_text()
    docs_page.write(part, "second", "make bench", copy)
    assert SOURCE.search(first[: first.index("\n\nfirst\n\n")])
    assert copy.read_text() == first.replace("\n\nfirst\n\n", "\n\nsecond\n\n")


def test_a_page_without_its_marks_is_left_as_it_is(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text("<!-- starting -->\nno end\n")
    with pytest.raises(ValueError, match="has no marks for starting"):
        docs_page.write("starting", "text", "make bench-start", copy)
    assert copy.read_text() == "<!-- starting -->\nno end\n"


def test_a_table_has_its_figures_on_the_right() -> None:
    assert docs_page.table(["", "time"], [["ours", "1 ms"]]) == "|  | time |\n| --- | ---: |\n| ours | 1 ms |"

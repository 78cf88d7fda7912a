from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import docs_page

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("starting", "answering")


@pytest.mark.parametrize("part", PARTS)
def test_a_benchmark_changes_its_own_part_of_the_page_and_no_other(tmp_path: Path, part: str) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(docs_page.PAGE.read_text())
    docs_page.write(part, "first", copy)
    first = copy.read_text()
    docs_page.write(part, "second", copy)
    assert "\n\nfirst\n\n" in first
    assert copy.read_text() == first.replace("\n\nfirst\n\n", "\n\nsecond\n\n")


def test_a_page_without_its_marks_is_left_as_it_is(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text("<!-- starting -->\nno end\n")
    with pytest.raises(ValueError, match="has no marks for starting"):
        docs_page.write("starting", "text", copy)
    assert copy.read_text() == "<!-- starting -->\nno end\n"


def test_a_table_has_its_figures_on_the_right() -> None:
    assert docs_page.table(["", "time"], [["ours", "1 ms"]]) == "|  | time |\n| --- | ---: |\n| ours | 1 ms |"

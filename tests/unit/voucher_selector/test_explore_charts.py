"""Charts of files without counted rows, and of files with few uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from voucher_selector.explore import charts

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@pytest.fixture(autouse=True)
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return the figures that are drawn."""
    drawn: list[Figure] = []
    monkeypatch.setattr(charts, "_image", lambda figure, _: drawn.append(figure))
    return drawn


def ranges(uses: int) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(
        [("recency", "30+"), ("recency", "in none")], names=["segment", "range"]
    )
    return pd.DataFrame({"date": [uses, 0], "upload": [0, 0]}, index)


def months(rows: int) -> pd.DataFrame:
    columns: dict[str, Any] = {"last_order_ts": ["2018-05-03"] * rows, "timestamp": ["2018-06-01"] * rows}
    return pd.DataFrame(columns, dtype="str")


@pytest.mark.parametrize("uses", [0, 1, 2, 5_000])
def test_axes_count_from_zero_in_whole_numbers(figures: list[Figure], uses: int) -> None:
    charts.range_bars(ranges(uses))
    charts.monthly_uses(months(uses))

    for figure in figures:
        figure.draw_without_rendering()
        for axes in figure.axes:
            ticks = [label.get_text() for label in axes.get_yticklabels()]
            assert ticks[0] == "0"
            assert len({*ticks}) == len(ticks)
            assert axes.get_ylim()[0] == 0


@pytest.mark.parametrize("uses", [0, 5_000])
def test_legends_are_beside_the_bars(figures: list[Figure], uses: int) -> None:
    charts.range_bars(ranges(uses))
    charts.monthly_uses(months(uses))

    for figure in figures:
        figure.draw_without_rendering()
        (legend,) = figure.legends
        for axes in figure.axes:
            assert axes.get_legend() is None
            assert not legend.get_window_extent().overlaps(axes.get_window_extent())

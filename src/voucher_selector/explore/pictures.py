"""Pictures of frames, each with a text that says the same to who does not see it."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd
from IPython.display import Image
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from ingest.parquet.reader import LAST_ORDER, TIMESTAMP
from voucher_selector.explore.frames import instants, ordered_after_use
from vouchers.text import truncate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

WIDTH = 5.0
"""Inches: narrow, so that letters can still be read on a phone."""

DOTS = 180
"""An inch."""

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#e69f00", "#009e73", "#767676"
"""Told apart by who is colour-blind too (Okabe and Ito, Color Universal Design, 2008)."""

MAX_COUNTRIES = 6
STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "font.size": 10,
    "grid.color": "#e5e5e5",
    "legend.frameon": False,
    "text.parse_math": False,
}


def countries(frame: pd.DataFrame) -> Image:
    """Draw the uses of the largest countries as bars; ``frame`` is as ``answers.countries`` returns it."""
    shown = frame.head(2 * MAX_COUNTRIES)
    names = [truncate(name, 24) for name in shown["country"]]
    with _figure(0.6 + 0.32 * max(len(shown), 1)) as figure:
        axes = figure.subplots()
        bars = axes.barh(range(len(shown)), shown["uses"], color=BLUE)
        axes.bar_label(
            bars,
            [f"{uses:,} ({share:.0%})" for uses, share in zip(shown["uses"], shown["share"], strict=True)],
            padding=4,
        )
        axes.set_yticks(range(len(shown)), names)
        axes.margins(x=0.25)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        said = ", ".join(f"{name} {uses:,}" for name, uses in zip(names, shown["uses"], strict=True))
        return _drawn(figure, f"Counted rows by country: {said or 'none'}")


def months(uses: pd.DataFrame) -> Image:
    """Draw the uses of each month, and apart from the others those that lie before the last order."""
    name = TIMESTAMP if TIMESTAMP in uses else LAST_ORDER
    month = instants(uses[name]).dt.tz_localize(None).dt.to_period("M")
    held = pd.crosstab(month, ordered_after_use(uses)).reindex(columns=[False, True], fill_value=0)
    with _figure(2.4) as figure:
        axes = figure.subplots()
        places = [12 * period.year + period.month - 1 for period in held.index]
        axes.bar(places, held[False], color=BLUE, width=0.9, label="after the last order")
        odd: dict[str, Any] = {"color": ORANGE, "hatch": "///", "edgecolor": "white", "label": "before it"}
        axes.bar(places, held[True], bottom=held[False], width=0.9, **odd)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{int(at) // 12}-{int(at) % 12 + 1:02d}"))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        _thousands(axes)
        axes.legend(title=f"{name} lies")
        said = f"Uses by month: {held[True].sum():,} of {len(uses):,} lie before the customer's last order"
        return _drawn(figure, said)


def ranges(frame: pd.DataFrame) -> Image:
    """Draw how ranges fill under each as-of choice; ``frame`` is as ``answers.filled`` returns it."""
    panels = [held.droplevel("segment") for _, held in frame.groupby(level="segment", sort=False)]
    names = frame.index.unique("segment")
    with _figure(0.5 + 2.3 * len(panels)) as figure:
        drawn = figure.subplots(len(panels), squeeze=False)[:, 0]
        for axes, held, name in zip(drawn, panels, names, strict=True):
            _bars(axes, held)
            axes.set_title(name)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        return _drawn(figure, "Uses in each range, side by side for each as-of date: the table in a picture")


def sureness(frame: pd.DataFrame) -> Image:
    """Draw each answer's share with its interval; ``frame`` is as ``answers.answers`` returns it."""
    largest = frame["country"].unique()[:MAX_COUNTRIES]
    known = frame[frame["country"].isin(largest) & frame["share"].notna()]
    panels = [held for _, held in known.groupby(["segment"], sort=False)]
    heights = [0.5 + 0.24 * len(held) for held in panels] or [1]
    with _figure(0.5 + sum(heights)) as figure:
        drawn = figure.subplots(len(heights), squeeze=False, sharex=True, height_ratios=heights)[:, 0]
        for axes, held in zip(drawn, panels, strict=False):
            _intervals(axes, held)
        drawn[-1].set_xlabel("share of the uses, and its 95 % interval")
        drawn[-1].xaxis.set_major_formatter(PercentFormatter(1))
        return _drawn(
            figure, f"The shares of {len(known)} answers, each with its interval: {_extremes(known)}"
        )


def _extremes(known: pd.DataFrame) -> str:
    """Say which answer is the surest, and which the least so."""
    if known.empty:
        return "there is none"
    by_width = known.iloc[(known["high"] - known["low"]).argsort()]
    return "; ".join(
        f"the {kind} from {each['low']:.0%} to {each['high']:.0%} in {each['country']}, {each['range']}"
        for kind, each in (("narrowest", by_width.iloc[0]), ("widest", by_width.iloc[-1]))
    )


def _bars(axes: Axes, held: pd.DataFrame) -> None:
    width = 0.8 / len(held.columns)
    looks = ((BLUE, ""), (ORANGE, "///"), (GREEN, "..."))
    for place, (choice, (colour, hatch)) in enumerate(zip(held.columns, looks, strict=False)):
        at = [row + (place - (len(held.columns) - 1) / 2) * width for row in range(len(held))]
        axes.bar(at, held[choice], width, color=colour, hatch=hatch, edgecolor="white", label=choice)
    axes.set_xticks(range(len(held)), held.index)
    axes.grid(visible=False, axis="x")
    _thousands(axes)


def _intervals(axes: Axes, held: pd.DataFrame) -> None:
    rows = range(len(held))
    reach = [held["share"] - held["low"], held["high"] - held["share"]]
    axes.errorbar(
        held["share"],
        rows,
        xerr=[each.clip(lower=0) for each in reach],
        fmt="o",
        markersize=4,
        color=BLUE,
        ecolor=GREY,
        capsize=4,
    )
    for row, answer, high in zip(rows, held["answer"], held["high"], strict=True):
        axes.annotate(answer, (high, row), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(
        rows, [f"{truncate(c, 16)}  {r}" for c, r in zip(held["country"], held["range"], strict=True)]
    )
    axes.set_title(held["segment"].iloc[0])
    axes.set_xlim(0, 1.15)
    axes.set_ylim(len(held) - 0.4, -0.6)


def _thousands(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


@contextmanager
def _figure(height: float) -> Iterator[Figure]:
    """Yield a figure in the project's looks; signs that its font lacks are drawn as boxes without a word."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield Figure(figsize=(WIDTH, height), dpi=DOTS, layout="constrained")


def _drawn(figure: Figure, alt: str) -> Image:
    body = io.BytesIO()
    figure.savefig(body, format="png")
    return Image(body.getvalue(), format="png", width=int(WIDTH * 130), alt=alt)

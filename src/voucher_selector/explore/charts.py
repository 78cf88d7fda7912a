"""Charts of data frames, each with an alternative text."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd
from IPython.display import Image
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from ingest.parquet.column_names import LAST_ORDER, TIMESTAMP
from voucher_selector.explore.frames import parse_timestamps, used_before_last_order
from vouchers.text import truncate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 5.0
"""Inches; narrow, since the text must be readable on a phone."""

DOTS_PER_INCH = 180

BLUE, ORANGE, GREEN, GRAY = "#0072b2", "#e69f00", "#009e73", "#767676"
"""Colors that color-blind people can distinguish (Okabe and Ito, Color Universal Design, 2008)."""

STYLES = ((BLUE, ""), (ORANGE, "///"), (GREEN, "..."))
"""Color and hatch of each scenario."""

THOUSANDS = "{x:,.0f}"

MAX_COUNTRIES = 6
SETTINGS: dict[Any, Any] = {
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


def country_bars(frame: pd.DataFrame) -> Image:
    """Draw the uses of the largest countries; ``frame`` is the result of ``answers.uses_by_country``."""
    shown = frame.head(2 * MAX_COUNTRIES)
    names = [truncate(name, 24) for name in shown["country"]]
    labels = [f"{uses:,} ({share:.0%})" for uses, share in zip(shown["uses"], shown["share"], strict=True)]
    with _figure(0.6 + 0.32 * max(len(shown), 1)) as figure:
        axes = figure.subplots()
        axes.bar_label(axes.barh(range(len(shown)), shown["uses"], color=BLUE), labels, padding=4)
        axes.set_yticks(range(len(shown)), names)
        axes.margins(x=0.25)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        uses = ", ".join(f"{name} {uses:,}" for name, uses in zip(names, shown["uses"], strict=True))
        return _image(figure, f"Counted rows by country: {uses or 'none'}")


def monthly_uses(uses: pd.DataFrame) -> Image:
    """Draw the uses of each month, with the uses before the customer's last order in another color."""
    name = TIMESTAMP if TIMESTAMP in uses else LAST_ORDER
    month = parse_timestamps(uses[name]).dt.tz_localize(None).dt.to_period("M")
    by_month = pd.crosstab(month, used_before_last_order(uses)).reindex(columns=[False, True], fill_value=0)
    after, before = by_month[False], by_month[True]
    with _figure(2.4) as figure:
        axes = figure.subplots()
        places = [12 * period.year + period.month - 1 for period in by_month.index]
        axes.bar(places, after, color=BLUE, width=0.9, label="after the last order")
        odd: dict[str, Any] = {"color": ORANGE, "hatch": "///", "edgecolor": "white", "label": "before it"}
        axes.bar(places, before, bottom=after, width=0.9, **odd)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{int(at) // 12}-{int(at) % 12 + 1:02d}"))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_visible(bool(places))
        _count_from_zero(axes, len(uses))
        figure.legend(title=f"{name} is", loc="outside upper center", ncols=2)
        text = f"Uses by month: {before.sum():,} of {len(uses):,} are before the customer's last order"
        return _image(figure, text)


def range_bars(frame: pd.DataFrame) -> Image:
    """Draw the uses by range for each scenario; ``frame`` is the result of ``answers.uses_by_range``."""
    segments = [
        (name, part.droplevel("segment")) for name, part in frame.groupby(level="segment", sort=False)
    ]
    width = 0.8 / len(frame.columns)
    with _figure(0.5 + 2.3 * len(segments)) as figure:
        panels = figure.subplots(len(segments), squeeze=False)[:, 0]
        for axes, (segment, uses) in zip(panels, segments, strict=True):
            for place, (name, (color, hatch)) in enumerate(zip(uses.columns, STYLES, strict=False)):
                at = [row + (place - (len(uses.columns) - 1) / 2) * width for row in range(len(uses))]
                axes.bar(at, uses[name], width, color=color, hatch=hatch, edgecolor="white", label=name)
            axes.set_xticks(range(len(uses)), uses.index)
            axes.grid(visible=False, axis="x")
            _count_from_zero(axes, uses.to_numpy().max(initial=0))
            axes.set_title(segment)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        return _image(figure, "Uses in each range for each as-of date: the table as a chart")


def answer_intervals(frame: pd.DataFrame) -> Image:
    """Draw each answer's share and interval; ``frame`` is the result of ``answers.answers_by_range``."""
    largest = frame["country"].unique()[:MAX_COUNTRIES]
    known = frame[frame["country"].isin(largest) & frame["share"].notna()]
    segments = [part for _, part in known.groupby(["segment"], sort=False)]
    heights = [0.5 + 0.24 * len(part) for part in segments] or [1]
    with _figure(0.5 + sum(heights)) as figure:
        panels = figure.subplots(len(heights), squeeze=False, sharex=True, height_ratios=heights)[:, 0]
        for axes, part in zip(panels, segments, strict=False):
            _draw_intervals(axes, part)
        panels[-1].set_xlabel("share of the uses, and its 95 % interval")
        panels[-1].xaxis.set_major_formatter(PercentFormatter(1))
        by_width = known.iloc[(known["high"] - known["low"]).argsort()]
        ends = [] if known.empty else [("narrowest", by_width.iloc[0]), ("widest", by_width.iloc[-1])]
        extremes = "; ".join(
            f"the {kind} from {row['low']:.0%} to {row['high']:.0%} in {row['country']}, {row['range']}"
            for kind, row in ends
        )
        text = f"The shares of {len(known)} answers and their intervals: {extremes or 'there is none'}"
        return _image(figure, text)


def hit_rates(frame: pd.DataFrame) -> Image:
    """Draw hits by segment and by country; ``frame`` is the result of ``backtest.hit_rates``."""
    shown = frame[frame["country"].isin(frame["country"].unique()[:MAX_COUNTRIES])]
    with _figure(1 + 0.24 * len(shown)) as figure:
        axes, rows = figure.subplots(), range(len(shown))
        errors = [shown["share"] - shown["low"], shown["high"] - shown["share"]]
        axes.errorbar(shown["share"], rows, xerr=errors, fmt="o", color=BLUE, capsize=4, label="by segment")
        axes.plot(shown["by country"], rows, "|", markersize=12, color=ORANGE, label="by country")
        names = zip(shown["country"], shown["segment"], strict=True)
        axes.set_yticks(rows, [f"{truncate(country, 16)}  {truncate(name, 24)}" for country, name in names])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("hits, and their 95 % interval")
        figure.legend(loc="outside upper center", ncols=2)
        values = zip(shown["country"], shown["segment"], shown["share"], shown["by country"], strict=True)
        text = "; ".join(f"{c}, {s} {share:.0%}, by country {by:.0%}" for c, s, share, by in values)
        return _image(figure, f"Hits of the choices: {text or 'there is none'}")


def learning_curves(frame: pd.DataFrame) -> Image:
    """Draw a line for each segment; ``frame`` is the result of ``backtest.learning_curves``."""
    with _figure(2.4) as figure:
        axes = figure.subplots()
        for place, name in enumerate(frame.columns):
            color, marker = STYLES[place % len(STYLES)][0], "osD"[place % 3]
            axes.plot(frame.index, frame[name], marker=marker, color=color, label=truncate(str(name), 24))
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(THOUSANDS)
        axes.set_ylim(0, 1.05)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("uses of a range before the date")
        axes.set_ylabel("same choice")
        if len(frame.columns):
            figure.legend(loc="outside upper center", ncols=3)
        ends = "; ".join(f"{name} {frame[name].iloc[0]:.0%} to {frame[name].iloc[-1]:.0%}" for name in frame)
        return _image(figure, f"How often fewer uses lead to the same choice: {ends or 'there is none'}")


def _draw_intervals(axes: Axes, answers: pd.DataFrame) -> None:
    rows = range(len(answers))
    share, low, high = answers["share"], answers["low"], answers["high"]
    errors = [(share - low).clip(lower=0), (high - share).clip(lower=0)]
    axes.errorbar(share, rows, xerr=errors, fmt="o", markersize=4, color=BLUE, ecolor=GRAY, capsize=4)
    for row, answer, end in zip(rows, answers["answer"], high, strict=True):
        axes.annotate(answer, (end, row), (6, 0), textcoords="offset points", va="center")
    names = zip(answers["country"], answers["range"], strict=True)
    axes.set_yticks(rows, [f"{truncate(country, 16)}  {range_}" for country, range_ in names])
    axes.set_title(answers["segment"].iloc[0])
    axes.set_xlim(0, 1.15)
    axes.set_ylim(len(answers) - 0.4, -0.6)


def _count_from_zero(axes: Axes, maximum: float) -> None:
    """Start the axis of counts at 0, also if all counts are 0."""
    axes.set_ylim(bottom=0, top=None if maximum else 1)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(THOUSANDS)


@contextmanager
def _figure(height: float) -> Iterator[Figure]:
    """Yield a figure in the project's style; characters missing from its font cause no warning."""
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH, layout="constrained")


def _image(figure: Figure, alt: str) -> Image:
    body = io.BytesIO()
    figure.savefig(body, format="png")
    return Image(body.getvalue(), format="png", width=int(WIDTH * 130), alt=alt)

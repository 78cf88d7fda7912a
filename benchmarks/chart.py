"""The chart in docs/reference/performance.md: CPU time as a multiple of decoding alone."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import matplotlib as mpl

from benchmarks.docs_page import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

PICTURE = PAGE.parents[1] / "images" / "counting.svg"
INK, BAR, OTHERS = "#555555", "#c2410c", "#94a3b8"


def draw(seconds: Mapping[str, Mapping[str, float]]) -> None:
    """Draw a bar for each contestant: the median, over files, of its time divided by the first contestant's.

    Args:
        seconds: CPU seconds by file and contestant; the first contestant is the baseline, the second is ours.
    """
    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "counting", "svg.fonttype": "none", "font.family": "sans-serif"}
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the output format is chosen

    times = _times(seconds)
    figure, axes = plt.subplots(figsize=(7, 0.4 * len(times) + 0.6), layout="constrained")
    colors = [BAR if place == 1 else OTHERS for place in range(len(times))]
    bars = axes.barh([*times], [*times.values()], color=colors)
    axes.bar_label(bars, fmt="{:,.1f}x", padding=4, color=INK)
    axes.set_xscale("log")
    axes.set_xlim(0.8, 5 * max(times.values()))
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(left=False, labelcolor=INK)
    figure.savefig(PICTURE, metadata={"Date": None, "Creator": None}, transparent=True)


def _times(seconds: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    content = [*seconds.values()]
    yardstick, *_ = content[0]
    return {
        name: statistics.median(costs[name] / costs[yardstick] for costs in content) for name in content[0]
    }

"""Data frames of a backtest: the choices by the earlier uses of a file, judged by its later ones."""

from datetime import MAXYEAR, MINYEAR
from typing import Any

import pandas as pd

from ingest.parquet.column_names import TIMESTAMP
from voucher_selector.explore.frames import parse_timestamps
from voucher_selector.explore.sources import File
from voucher_selector.operations.evaluate import evaluate
from voucher_selector.operations.use_files import UseFile, read_uses
from vouchers.segments import load_definitions

TRAIN_SHARE = 0.75
"""Approximate share of the uses before the date."""

Result = dict[str, Any]
COLUMNS = ["country", "segment", "uses", "share", "low", "high", "by country", "by last month"]
GAIN = ["gain", "gain from", "gain to"]


def backtest(file: File, uses: pd.DataFrame) -> tuple[Result, str]:
    """Choose by the first three quarters of a file's uses; return the result, and the first day after them.

    Without times of use, there are no results, and the day is empty. ``uses`` has the needed columns.
    """
    times = parse_timestamps(uses[TIMESTAMP]) if TIMESTAMP in uses else pd.Series(dtype="datetime64[us, UTC]")
    days = times[times.dt.year.between(MINYEAR, MAXYEAR)].dt.floor("D").sort_values()
    if days.empty:
        return {"results": [], "learning_sizes": []}, ""
    until = days.iloc[int(len(days) * TRAIN_SHARE)].to_pydatetime()
    files = [UseFile(file.uri, file.open_object, file.rule)]
    return evaluate(read_uses(files, load_definitions(), until)), f"{until:%Y-%m-%d}"


def hit_rates(result: Result) -> pd.DataFrame:
    """Return the hits of each country and segment and of other choices, and the gain in percentage points."""
    rows = [
        (
            *(
                found["country"],
                found["segment_name"],
                found["uses"],
                found["hit_rate"],
                *found["hit_interval"],
            ),
            *(found["baselines"]["country"], found["baselines"]["last_month"]),
            *(round(points, 2) for points in (found["gain_points"], *found["gain_interval"])),
        )
        for found in result["results"]
    ]
    return pd.DataFrame(rows, columns=COLUMNS + GAIN)


def learning_curves(result: Result) -> pd.DataFrame:
    """Return the mean agreement of the ranges by numbers of uses, one column a segment."""
    curves = {
        (found["segment_name"], found["country"], part["min"]): part["agreement"]
        for found in result["results"]
        for part in found["ranges"]
        if part["agreement"]
    }
    frame = pd.DataFrame(curves, index=pd.Index(result["learning_sizes"], name="uses"), dtype=float)
    return frame.T.groupby(level=0).mean().T if curves else frame


def choice_changes(result: Result) -> pd.DataFrame:
    """Return the months in which the choice of a range changed."""
    rows = [
        (found["country"], found["segment_name"], f"{part['min']:,}", *change.values())
        for found in result["results"]
        for part in found["ranges"]
        for change in part["changes"]
    ]
    return pd.DataFrame(rows, columns=["country", "segment", "range from", "month", "from", "to"])

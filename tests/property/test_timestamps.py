from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.counting.as_of import EPOCH
from ingest.counting.parsing import READABLE, instants
from vouchers.timestamps import parse_timestamp

ZONES = {
    "": 0,
    "Z": 0,
    "z": 0,
    "UTC": 0,
    "+02": 120,
    "-0530": -330,
    "+05:45": 345,
    "-00:00": 0,
    "+23:59": 1439,
}
CHARACTERS = "0123456789-:.,TtZzUCu +[]"


@dataclass(frozen=True)
class Spelling:
    """A text, and the moment that it names."""

    text: str
    moment: datetime


@st.composite
def spellings(draw: st.DrawFn) -> Spelling:
    """Write a moment, part by part."""
    day = draw(st.dates(date(1, 1, 3), date(9999, 12, 29)))
    blanks = draw(st.sampled_from(["", " ", "\n"]))
    midnight = datetime.combine(day, time(), UTC)
    if draw(st.booleans()):
        compact = draw(st.booleans())
        return Spelling(blanks + day.isoformat().replace("-", "" if compact else "-"), midnight)
    clock = draw(st.times())
    parts = draw(st.integers(1, 4))
    text = day.isoformat() + draw(st.sampled_from(" Tt")) + f"{clock:%H:%M:%S}"[: 3 * min(parts, 3) - 1]
    moment = midnight + timedelta(
        hours=clock.hour, minutes=clock.minute * (parts > 1), seconds=clock.second * (parts > 2)
    )
    if parts == 4:
        digits = draw(st.text("0123456789", min_size=1, max_size=9))
        text += draw(st.sampled_from(".,")) + digits
        moment += timedelta(microseconds=int(digits.ljust(6, "0")[:6]))
    zone = draw(st.sampled_from(sorted(ZONES)))
    text += draw(st.sampled_from(["", " "])) * bool(zone) + zone + draw(st.sampled_from(["", "[UTC]"]))
    return Spelling(text + blanks, moment - timedelta(minutes=ZONES[zone]))


@given(st.lists(spellings(), min_size=1, max_size=5))
def test_files_and_requests_read_every_spelling_as_the_moment_written(written: list[Spelling]) -> None:
    values, states = instants(pa.array([spelling.text for spelling in written]))
    for spelling, value, state in zip(written, values.tolist(), states.tolist(), strict=True):
        assert parse_timestamp(spelling.text) == spelling.moment
        assert (state, EPOCH + timedelta(microseconds=value)) == (READABLE, spelling.moment)


@st.composite
def misspellings(draw: st.DrawFn) -> str:
    """Write a moment, then replace, insert and remove characters."""
    text = draw(spellings()).text
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", *CHARACTERS])) + text[at + draw(st.integers(0, 1)) :]
    return text


@given(misspellings() | st.text(CHARACTERS) | st.text())
@example("0001-01-01 00:00:00+02:00")
@example("9999-12-31 23:59:59.999999-02:00")
@example("9999-12-31 23:59:59.999999")
def test_files_and_requests_accept_the_same_texts(text: str) -> None:
    try:
        moment = parse_timestamp(text)
    except ValueError:
        moment = None
    for beside in ([], ["x"]):
        values, states = instants(pa.array([text, *beside], pa.string()))
        assert (states[0] == READABLE) == (moment is not None)
        assert moment is None or EPOCH + timedelta(microseconds=int(values[0])) == moment

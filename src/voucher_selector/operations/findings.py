"""What a verification can find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vouchers.counts import Cell


class Problem(StrEnum):
    """What can be wrong with a source, or with an object."""

    UNCOUNTED = "is not counted yet"
    GONE = "is counted, and its object is gone"
    UNFINISHED = "has a commit that was cut off"
    FAILS = "is recorded as counted, and cannot be counted"
    COUNTABLE = "is recorded as failed, and can be counted"
    REPLACED = "holds other objects than were counted"
    REDEFINED = "was counted by other segment definitions than today's"
    MISTAKEN = "is recorded with other counts than its object has"
    LOST = "lacks what it has in the results bucket"
    ROWLESS = "has no segmented rows, and should have"
    KEEPS_ROWS = "has segmented rows, and should have none"
    MISLISTED = "is listed otherwise in the Glue catalogue than its segmented rows are stored"
    CHANGED = "changed meanwhile"
    GARBAGE = "is in the results bucket, and nothing refers to it"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and with which source it is; of garbage, with which result."""

    problem: Problem
    source: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that is one number in the table, and another one in a fresh count."""

    cell: Cell
    counter: str
    in_table: int
    counted: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, and what came of it.

    Of ``datasets`` what is recorded was taken, and their objects were not counted.
    ``failed`` are the sources that are rightly recorded as failed, with the sentences that say why: they
    count for nothing, so that the table is right as it is.
    """

    objects: int
    datasets: int
    counters: int
    findings: list[Finding]
    differences: list[Difference]
    failed: dict[str, str]

    @property
    def all_is_well(self) -> bool:
        """Whether there is nothing to be said."""
        return not self.findings and not self.differences

    @property
    def can_be_repaired(self) -> bool:
        """Whether every source is as it should be, so that the table alone is wrong."""
        return all(finding.problem is Problem.GARBAGE for finding in self.findings)

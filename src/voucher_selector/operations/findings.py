"""The result of a verification."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Problem(StrEnum):
    """A problem of a source, or of a result; the text follows its name in a message."""

    UNCOUNTED = "is not counted yet"
    GONE = "is counted, but its object is deleted"
    UNFINISHED = "has an unfinished commit"
    FAILS = "is recorded as counted, but cannot be counted"
    COUNTABLE = "is recorded as failed, but can be counted"
    REPLACED = "has changed since it was counted"
    REDEFINED = "was counted with other segment definitions"
    MISTAKEN = "is recorded with wrong counts"
    LOST = "lacks a result in the results bucket"
    ROWLESS = "lacks segmented rows"
    KEEPS_ROWS = "has segmented rows, but they are switched off"
    MISLISTED = "has wrong partitions in the Glue catalog"
    NESTED = "is inside another dataset, and its objects count twice"
    CHANGED = "changed during the verification"
    GARBAGE = "is in the results bucket, but no source refers to it"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and the key of the source or the name of the result that has it."""

    problem: Problem
    source: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter whose value in the table differs from the fresh count."""

    country: str
    cell: str
    counter: str
    in_table: int
    counted: int


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification.

    Attributes:
        objects: the number of objects that were counted.
        datasets: the number of datasets whose recorded counts were used.
        counters: the number of counters of the fresh count.
        failed: for each source that is correctly recorded as failed, the reason. They contribute nothing.
        problems: what is wrong with sources and results.
        differences: the counters that differ.
    """

    objects: int
    datasets: int
    counters: int
    failed: dict[str, str]
    problems: list[Finding]
    differences: list[Difference]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.problems and not self.differences

    @property
    def can_be_repaired(self) -> bool:
        """Whether every source is consistent, which leaves errors of the table only."""
        return all(finding.problem in {Problem.GARBAGE, Problem.NESTED} for finding in self.problems)

    @property
    def nested(self) -> list[str]:
        """The datasets inside others."""
        return [finding.source for finding in self.problems if finding.problem is Problem.NESTED]

    def to_dict(self) -> dict[str, object]:
        """Return the JSON document."""
        failed = [{"source": source, "error": error} for source, error in self.failed.items()]
        return asdict(self) | {"failed": failed}

"""Find the answers that edited segment definitions change, before they are deployed."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from api.routes.choices import MAX_TIED
from ingest.errors import FileError, SupersededError
from ingest.storage.s3_objects import find_object
from voucher_selector.operations.recount import Recount
from voucher_selector.operations.upload import DATASETS
from vouchers.counts import SPELLINGS, Cell, amount_name, choose, range_cell, spellings_cell
from vouchers.dynamodb.sources_table import Status
from vouchers.segments import Attribute, Range, Segment
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from voucher_selector.stack import Deployed
    from vouchers.counts import Choice, Contribution, Counters
    from vouchers.segments import CountrySettings, Definitions


FIELDS = ("voucher_amount", "amounts_left_out", "reason")
"""Fields of an answer, as in ``/v1/choices``."""


@dataclass(slots=True)
class Fresh:
    """The counts of the objects by the edited definitions.

    Attributes:
        counts: the sum of the objects' contributions.
        objects: the number of objects that were counted.
        failing: keys of counted objects that the edited definitions cannot count.
        datasets: keys of datasets, which are not counted here.
    """

    counts: Contribution = field(default_factory=dict)
    objects: int = 0
    failing: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)


class Uses(NamedTuple):
    """Uses by voucher amount, and where they come from; or None, and why they are unknown."""

    amounts: dict[float, int] | None
    source: str


@dataclass(slots=True)
class EditedCounts:
    """Counts by the edited definitions: from the stack's counts if they suffice, else from the objects.

    Attributes:
        counts: the counts of the stack.
        recount: counts the objects by the edited definitions.
        usable: whether a replay would count the same rows in ranges that stay the same.
        fresh: its result; None if it was not needed.
    """

    counts: Contribution
    recount: Callable[[], Fresh]
    usable: bool = True
    fresh: Fresh | None = None

    @property
    def recounted(self) -> Fresh:
        """The counts of the objects by the edited definitions, counted on the first use."""
        self.fresh = self.fresh or self.recount()
        return self.fresh

    def of_range(self, country: str, deployed: Sequence[Segment], segment: Segment, range_: Range) -> Uses:
        """Return the uses of a range of an edited segment; ``deployed`` are the segments of the country."""
        same = (known for known in deployed if known.attribute is segment.attribute)
        combined = (self._combine(country, known, range_) for known in same) if self.usable else ()
        counters, source = next((c for c in combined if c is not None), None), "counts"
        if counters is None:
            if self.recounted.datasets:
                return Uses(None, f"unknown until {' and '.join(self.recounted.datasets)} is counted again")
            counters = self.recounted.counts.get(range_cell(country, segment.name, range_), {})
            source = "files"
        return Uses({float(amount): uses for amount, uses in counters.items()}, source)

    def _combine(self, country: str, segment: Segment, range_: Range) -> Counters | None:
        """Return the sum of the counted ranges that make up a range; None if they do not."""
        cells = {r: self.counts.get(range_cell(country, segment.name, r), {}) for r in segment.ranges}
        inside = [r for r in cells if range_.min <= r.min and r.max <= range_.max]
        width = range_.max - range_.min + 1
        is_union = sum(r.max - r.min + 1 for r in inside) == width
        # Between two ranges of orders there may be fractional orders, which are in none of them.
        if not is_union or (len(inside) > 1 and segment.attribute is Attribute.TOTAL_ORDERS):
            uses = sum(self.counts.get(spellings_cell(country), {}).values())
            segmented = sum(sum(counters.values()) for counters in cells.values())
            across = [r for r in cells if r not in inside and r.min <= range_.max and range_.min <= r.max]
            if uses != segmented or any(cells[r] for r in across):
                return None
        return dict(sum((Counter(cells[r]) for r in inside), Counter()))


def find_changes(
    deployed: Mapping[str, Any], definitions: Definitions, edited: EditedCounts
) -> dict[str, Any]:
    """Return which answers the edited definitions change, as the JSON document of the command ``plan``.

    Args:
        deployed: the answer of ``/v1/choices``, which contains the deployed definitions.
        definitions: the edited definitions.
        edited: counts by the edited definitions.
    """
    attributes = {s["segment_name"]: Attribute(s["attribute"]) for s in deployed["segments"]}
    # Files need first_order_ts, and rows are rejected for it, only if a segment uses it.
    tenure = Attribute.DAYS_SINCE_FIRST_ORDER
    edited.usable &= definitions.go_by(tenure) == (tenure in attributes.values())
    countries = list(deployed["countries"])
    if not edited.usable:
        keys = {country_key(country["country"]) for country in countries}
        found = (cell.country for cell in edited.recounted.counts if cell.name == SPELLINGS)
        countries += [{"country": key, "choices": []} for key in sorted(found) if key not in keys]
    changes, unchanged = list[dict[str, Any]](), 0
    for country in countries:
        name, settings = country["country"], definitions.settings(country["country"])
        currency = country.get("currency", settings.currency)
        now = {(c["segment_name"], Range(c["min_range"], c["max_range"])): c for c in country["choices"]}
        ranges = defaultdict[str, list[Range]](list)
        for segment_name, range_ in now:
            ranges[segment_name].append(range_)
        known = [Segment(n, attributes[n], tuple(own)) for n, own in ranges.items()]
        segments = [segment.in_country(name) for segment in definitions.segments]
        then = {(segment.name, range_): segment for segment in segments for range_ in segment.ranges}
        for segment_name, range_ in dict.fromkeys((*then, *now)):
            before, after, why = now.get((segment_name, range_)), None, "range removed"
            if segment := then.get((segment_name, range_)):
                uses, source = edited.of_range(name, known, segment, range_)
                after, why = choose(uses, settings) if uses is not None else None, source
                if uses is not None and after:
                    why = explain(before, after, uses, settings, source)
            if after and not why and currency != settings.currency:
                why = "the currency changes"
            if not why:
                unchanged += 1
                continue
            listed = after and (after.amounts[:MAX_TIED], len(after.amounts[MAX_TIED:]), after.reason)
            changes.append(
                {
                    "country": name,
                    "segment_name": segment_name,
                    "min_range": range_.min,
                    "max_range": range_.max,
                    "now": before and {**{field: before[field] for field in FIELDS}, "currency": currency},
                    "then": listed
                    and {**dict(zip(FIELDS, listed, strict=True)), "currency": settings.currency},
                    "why": why,
                }
            )
    fresh = edited.fresh or Fresh()
    return {
        "definitions": {"now": deployed["definitions"], "then": definitions.version},
        "recounted_objects": fresh.objects,
        "failing_objects": fresh.failing,
        "unchanged": unchanged,
        "changes": changes,
    }


def explain(
    now: Mapping[str, Any] | None,
    then: Choice,
    uses: Mapping[float, int],
    settings: CountrySettings,
    source: str,
) -> str:
    """Return why the answer of a range changes; empty if it does not."""
    if now is None:
        return f"new range, from the {source}"
    if (now["voucher_amount"], now["amounts_left_out"]) == (
        then.amounts[:MAX_TIED],
        len(then.amounts[MAX_TIED:]),
    ):
        return ""
    if then.reason == "below_minimum_uses":
        return f"minimum_uses is {settings.minimum_uses:,}, there are {sum(uses.values()):,} uses"
    if then.reason == "no_amount_allowed":
        return "no used amount is allowed"
    if excluded := [amount for amount in now["voucher_amount"] if not settings.allow(amount)]:
        return f"not allowed: {', '.join(map(amount_name, excluded))}"
    return "other rows are counted" if source == "files" else "a guard is lifted"


def count_afresh(
    stack: Deployed, definitions: Definitions, keys: Collection[str], advance: Callable[[int], None]
) -> Fresh:
    """Count objects by edited definitions; ``advance`` is called with 1 after each."""
    recount = Recount(stack, definitions)
    total = defaultdict[Cell, Counter[str]](Counter)
    datasets = [s.key for s in recount.sources.scan() if s.key.startswith(DATASETS) and not s.is_gone]
    fresh = Fresh(objects=len(keys), datasets=sorted(datasets))
    for key in keys:
        state, counted = recount.sources.load(key).state, None
        with suppress(FileError, SupersededError):
            counted = recount.count(find_object(recount.s3, recount.bucket, key), state)
        if counted is None and state and state.status is Status.COUNTED:
            fresh.failing.append(key)
        for cell, counters in (counted or {}).items():
            total[cell].update(counters)
        advance(1)
    fresh.counts = {cell: dict(counters) for cell, counters in total.items()}
    return fresh

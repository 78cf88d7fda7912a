"""What a burst costs, in US dollars: list prices of ``benchmarks.costs``, and S3's and SQS's for requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import costs

if TYPE_CHECKING:
    from benchmarks.burst.embedded import Each
    from benchmarks.burst.simulate import Course

READ, WRITE, MESSAGE = 0.4 / costs.MILLION, 5 / costs.MILLION, 0.4 / costs.MILLION
"""A request to S3 that reads, one that writes, and one to SQS (US East, 2025)."""

GIGABYTES = 1.0
"""The ingest function's memory; a test compares it with the template."""


def dollars(course: Course, each: Each) -> float:
    """Return what one event costs, its upload included."""
    prices = {item.name: item.price for item in costs.items()}
    units = course.model.units
    written = units.total() - units["reads"]
    invocations, seconds = len(course.each), sum(course.each)
    queued = course.burst.events + 2 * invocations if course.burst.at_once > 1 else 0
    whole = (
        prices["DynamoDB, writes"] * written / costs.MILLION
        + prices["DynamoDB, reads"] * units["reads"] / costs.MILLION
        + prices["Lambda, requests"] * invocations / costs.MILLION
        + prices["Lambda, ingest function"] * seconds * GIGABYTES / costs.MILLION
        + MESSAGE * queued
    )
    logs = prices["CloudWatch, logs"] * each.log / costs.GB
    return whole / course.burst.events + WRITE + 2 * READ + logs

"""The cost of an upload in a burst, in US dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import prices

if TYPE_CHECKING:
    from benchmarks.burst.embedded import EventResources
    from benchmarks.burst.simulate import Simulation

FUNCTION_GB = 1.0
"""The memory of the ingest function; a test compares it with the template."""


def cost_per_event(simulation: Simulation, resources: EventResources) -> float:
    """Return the cost of one event, its upload included."""
    units, events = simulation.model.units, simulation.burst.events
    invocations, seconds = len(simulation.seconds_per_invocation), sum(simulation.seconds_per_invocation)
    messages = events + 2 * invocations if simulation.burst.batch_size > 1 else 0
    millionths = (
        prices.DYNAMODB_MILLION_WRITE_UNITS * (units.total() - units["reads"])
        + prices.DYNAMODB_MILLION_READ_UNITS * units["reads"]
        + prices.LAMBDA_MILLION_REQUESTS * invocations
        + prices.LAMBDA_MILLION_GB_SECONDS * seconds * FUNCTION_GB
        + prices.SQS_MILLION_REQUESTS * messages
    )
    # S3 bills the list request that looks for a table like a write.
    s3 = 2 * prices.S3_MILLION_WRITES + 2 * prices.S3_MILLION_READS
    logs = prices.LOGS_GB * resources.log_bytes / 1e9
    return (millionths / events + s3) / prices.MILLION + logs

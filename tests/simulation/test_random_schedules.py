"""Random schedules of random scenarios keep the invariants."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.simulation.exploration import ScheduleError, choose_at_random, run_schedule
from tests.simulation.harness import simulated
from tests.simulation.scenarios import random_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = 4
SCHEDULES = int(os.environ.get("SCHEDULES", "800"))
FIRST_SEED = int(os.environ.get("SCHEDULE_SEED", "0"))
SCHEDULES_OF_SCENARIO = 200
MAX_FAULTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_random_schedules_keep_the_invariants(
    part: int, record_property: Callable[[str, object], None]
) -> None:
    seeds = range(FIRST_SEED, FIRST_SEED + -(-SCHEDULES // SCHEDULES_OF_SCENARIO))[part::PARTS]
    steps = sum(map(run_scenario, seeds))
    schedules = len(seeds) * SCHEDULES_OF_SCENARIO
    record_property("simulation", f"random, part {part}: {schedules:,} schedules, {steps:,} steps")
    assert steps >= schedules


def run_scenario(seed: int) -> int:
    """Run random schedules of the scenario of a seed; return the number of steps."""
    chance, steps = random.Random(seed), 0  # noqa: S311 - repeatable
    with simulated(random_scenario(chance)) as harness:
        for _ in range(SCHEDULES_OF_SCENARIO):
            faults = chance.randint(0, MAX_FAULTS)
            try:
                steps += run_schedule(harness.first(faults), harness.check, choose_at_random(chance, faults))
            except ScheduleError as error:
                raise error.named(str(seed)) from error
    return steps

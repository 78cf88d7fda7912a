"""The simulation finds each mutant of the protocol, and nothing where there is none."""

from __future__ import annotations

import random
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.simulation.exploration import ScheduleError, choose_at_random, run_schedule
from tests.simulation.harness import simulated
from tests.simulation.mutants import MUTANTS, mutated
from tests.simulation.scenarios import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

MAX_SCHEDULES = 250
"""Schedules in which a mutant must be found."""

MAX_FAULTS = 2


def run(scenario: str, mutant: AbstractContextManager[None]) -> int:
    """Run random schedules; return the number of those that kept the invariants before one did not."""
    with mutant, simulated(SMALL[scenario]) as harness:
        for seed in range(MAX_SCHEDULES):
            chance = random.Random(seed)  # noqa: S311 - repeatable
            faults = chance.randint(0, MAX_FAULTS)
            try:
                run_schedule(harness.first(faults), harness.check, choose_at_random(chance, faults))
            except ScheduleError:
                return seed
    return MAX_SCHEDULES


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(name: str, record_property: Callable[[str, object], None]) -> None:
    mutant = MUTANTS[name]
    kept = run(mutant.scenario, mutated(mutant))
    assert kept < MAX_SCHEDULES
    record_property("simulation", f"{name}: found by schedule {kept + 1:,}")


@pytest.mark.parametrize("scenario", sorted({mutant.scenario for mutant in MUTANTS.values()}))
def test_nothing_is_found_without_a_mutant(scenario: str) -> None:
    assert run(scenario, nullcontext()) == MAX_SCHEDULES

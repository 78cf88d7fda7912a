"""Every schedule of small scenarios keeps the invariants, and schedules that once broke them are replayed."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.simulation.exploration import ScheduleError, explore, follow, run_schedule
from tests.simulation.harness import simulated
from tests.simulation.scenarios import SMALL, random_scenario
from tests.simulation.scheduler import Choice, Fault
from tests.support.documents import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.scheduler import Position, State

MAX_STEPS = int(os.environ.get("SEARCH_STEPS", "1000"))
"""Steps of one search."""

REGRESSIONS = {
    "another process deletes the contribution that a commit is to replace": (
        "an overwrite and a deletion: 0 0 0 0 0 0 1 1 1 1 1 1 0 0 0 0 1"
    ),
    "a commit writes again the catalog writer that was removed": (
        "segmented rows go: 0 0 0 0 0 0 0 0 0 0 0 0 1 1 0 1 1 1 1 1 1 1 1"
    ),
    "a run of a dataset commits an older list of its objects": (
        "two counts of a dataset: 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0"
    ),
    "another run withdraws the commit of a dataset": (
        "two counts of a dataset: 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1!refused 1 0 0 0 1 1 1 1"
    ),
    "a verification does not see a commit that fails as the one before did": (
        "a repair while an object is counted: 0 0 0 0 1 0!refused 0 0 0 0 0 0 0 1 0!refused 0 1"
        " 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1 1 0"
    ),
}
"""What was wrong, with a schedule that shows it: the scenario, and the steps."""

if schedule := os.environ.get("SCHEDULE"):
    REGRESSIONS["the variable SCHEDULE"] = schedule


@pytest.mark.parametrize("faults", [0, 1])
@pytest.mark.parametrize("name", SMALL)
def test_all_schedules_of_a_small_scenario_keep_the_invariants(
    name: str, faults: int, record_property: Callable[[str, object], None]
) -> None:
    with simulated(SMALL[name]) as harness:
        try:
            found = explore(harness.first(faults), harness.check, MAX_STEPS)
        except ScheduleError as error:
            raise error.named(name) from error
    some = "all" if found.is_complete else "some"
    counted = f"{found.schedules:,} schedules ({some}), {found.states:,} states, {found.steps:,} steps"
    record_property("simulation", f"{name}, {faults} fault{'s' * (faults == 0)}: {counted}")
    assert found.schedules > 0


@pytest.mark.parametrize(
    ("name", "faults", "row"),
    [
        ("two overwrites", 1, "two overwrites of one object | 1"),
        ("the same event twice", 1, "one event twice | 1"),
        ("three transactions twice", 0, "one event of three transactions, twice | 0"),
    ],
)
def test_the_document_states_how_many_schedules_there_are(name: str, faults: int, row: str) -> None:
    with simulated(SMALL[name]) as harness:
        found = explore(harness.first(faults), harness.check, 10_000)
    assert found.is_complete
    assert f"| {row} | {found.schedules:,} (all) | {found.states:,} |" in text(
        "docs/explanation/consistency.md"
    )


@pytest.mark.parametrize("schedule", REGRESSIONS.values(), ids=REGRESSIONS)
def test_a_schedule_that_failed_keeps_the_invariants(schedule: str) -> None:
    name, _, steps = schedule.rpartition(": ")
    choices = [Choice.parse(step) for step in steps.split()]
    scenario = SMALL.get(name) or random_scenario(random.Random(int(name)))  # noqa: S311 - repeatable
    with simulated(scenario) as harness:
        faults = sum(choice.fault is not None for choice in choices)
        run_schedule(harness.first(faults), harness.check, follow(choices))


def test_forced_replays_end_though_processes_switch_after_each_commit() -> None:
    with simulated(SMALL["segmented rows again and again"]) as harness:
        current = 0

        def choose(state: State, options: list[Choice], _: int) -> Choice:
            nonlocal current
            choice = next((option for option in options if option.number == current), options[0])
            if is_transaction(state.positions[choice.number]):
                current = 1 - choice.number
            return choice

        assert run_schedule(harness.first(0), harness.check, choose)


def test_a_search_covers_each_schedule_once() -> None:
    """Two deliveries of one event: the number of schedules is that of a count without known states."""
    with simulated(SMALL["the same event twice"]) as harness:
        found = explore(harness.first(0), lambda *_: None, 10_000)
        ends = 0
        waiting = [harness.first(0)]
        while waiting:
            state = waiting.pop()
            options = state.options()
            waiting += [state._replace(model=state.model.copy()).after(option) for option in options]
            ends += not options
    assert found.is_complete
    assert found.schedules == ends


@pytest.mark.parametrize("fault", Fault)
def test_a_process_can_have_each_fault(fault: Fault) -> None:
    with simulated(SMALL["segmented rows"]) as harness:
        state = harness.first(1)
        while not (faulty := [option for option in state.options() if option.fault is fault]):
            state = state.after(state.options()[0])
        run_schedule(state, harness.check, follow(faulty[:1]))


def test_a_late_request_takes_effect_after_other_steps() -> None:
    with simulated(SMALL["two overwrites"]) as harness:
        state = harness.first(1)
        late = Choice(0, Fault.LATE)
        while late not in state.options() or not is_transaction(state.positions[0]):
            state = state.after(Choice(0))
        digest = state.model.digest
        state = state.after(late)
        assert state.model.digest == digest
        assert Choice(2) in state.options()
        assert state.after(Choice(2)).model.digest != digest


def is_transaction(position: Position) -> bool:
    return position.call is not None and position.call.name == "transact_write_items"


def test_the_invariants_are_checked() -> None:
    """A counter that nobody counted is an error, with the schedule that led to it."""
    with simulated(SMALL["two overwrites"]) as harness:
        state = harness.first(0)
        cell = next(place for place in state.model.values if place[:2] == ("item", "voucher_segments"))
        state.model.set(cell, state.model.values[cell] | {"7": {"N": "1"}})
        with pytest.raises(ScheduleError, match="the counters are") as raised:
            run_schedule(state, harness.check, follow([]))
    assert raised.value.schedule.split() == ["0"] * 5 + ["1"] * 5

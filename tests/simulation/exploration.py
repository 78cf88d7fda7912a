"""Choose schedules: depth first until all are covered, or at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.simulation.scheduler import Choice, State

    Check = Callable[[State, Sequence[Choice]], None]
    """Checks a state in which all processes have ended, given the schedule that led to it."""

MAX_STEPS = 1_000
"""Steps after which a run counts as endless."""

CHANGES = 3
"""Changes of priority in a run by priorities: the depth of the algorithm PCT."""

STEPS = 40
"""About how many steps a run has."""


class ScheduleError(AssertionError):
    """An invariant does not hold after a schedule."""

    def __init__(self, schedule: Sequence[Choice], error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.schedule = " ".join(map(str, schedule))

    def named(self, scenario: str) -> AssertionError:
        """Return an error that says how to repeat the schedule of a scenario, by its name or seed."""
        return AssertionError(f"{self}\nSCHEDULE='{scenario}: {self.schedule}' repeats it")


@dataclass(slots=True)
class Exploration:
    """The result of a depth-first search.

    Attributes:
        schedules: the schedules that were covered, from the first step to the last.
        states: different states. steps: executed steps between them.
        is_complete: whether all schedules were covered.
    """

    schedules: int = 0
    states: int = 0
    steps: int = 0
    is_complete: bool = False


@dataclass(slots=True)
class Visit:
    """A state on the current path: its next options, and how many schedules go on from it."""

    state: State
    options: list[Choice]
    choice: Choice | None = None
    schedules: int = 0


def explore(first: State, check: Check, max_steps: int) -> Exploration:
    """Search all schedules depth first, or as many as ``max_steps`` steps allow.

    A state that was reached before is not continued again: what follows depends on nothing else.

    Raises:
        ScheduleError: if an invariant does not hold.
    """
    known: dict[Any, int] = {}
    path = [Visit(first, first.options()[::-1])]
    found = Exploration()
    try:
        while path and found.steps < max_steps:
            visit = path[-1]
            if not visit.options:
                path.pop()
                known[visit.state.key()] = visit.schedules
                if path:
                    path[-1].schedules += visit.schedules
                found.schedules = visit.schedules
                continue
            visit.choice = visit.options.pop()
            found.steps += 1
            state = visit.state._replace(model=visit.state.model.copy()).after(visit.choice)
            if (schedules := known.get(state.key())) is None:
                assert len(path) < MAX_STEPS, "the events do not end"
                path.append(Visit(state, state.options()[::-1]))
                if not path[-1].options:
                    check(state, [v.choice for v in path[:-1] if v.choice])
                    path[-1].schedules = 1
            else:
                visit.schedules += schedules
    except Exception as error:
        raise ScheduleError([v.choice for v in path if v.choice], error) from error
    found.states, found.is_complete = len(known), not path
    found.schedules = sum(visit.schedules for visit in path) if path else found.schedules
    return found


def run_schedule(state: State, check: Check, choose: Callable[[State, list[Choice], int], Choice]) -> int:
    """Run one schedule; return the number of its steps.

    Args:
        state: the first one.
        check: for the end.
        choose: called with the state, its options and the number of the step.

    Raises:
        ScheduleError: if an invariant does not hold.
    """
    schedule: list[Choice] = []
    try:
        while options := state.options():
            assert len(schedule) < MAX_STEPS, "the events do not end"
            schedule.append(choose(state, options, len(schedule)))
            state = state.after(schedule[-1])
        check(state, schedule)
    except Exception as error:
        raise ScheduleError(schedule, error) from error
    return len(schedule)


def choose_at_random(chance: random.Random, faults: int) -> Callable[[State, list[Choice], int], Choice]:
    """Return a function that chooses steps: by priorities that change a few times, or at random each time."""
    by_priority, fault_rate = chance.random() < 0.5, faults / STEPS
    changes = {chance.randrange(STEPS) for _ in range(CHANGES)}
    priorities: dict[int, float] = {}

    def choose(_: State, options: list[Choice], step: int) -> Choice:
        steps = [option for option in options if option.fault is None]
        for option in steps:
            if option.number not in priorities:
                priorities[option.number] = chance.random()
        chosen = max(steps, key=lambda o: priorities[o.number]) if by_priority else chance.choice(steps)
        if step in changes:
            priorities[chosen.number] = -float(step)
        if len(options) == len(steps) or chance.random() >= fault_rate:
            return chosen
        return chance.choice([option for option in options if option.number == chosen.number])

    return choose


def follow(choices: Sequence[Choice]) -> Callable[[State, list[Choice], int], Choice]:
    """Return a function that chooses given steps where they are possible, and otherwise the first option."""

    def choose(_: State, options: list[Choice], step: int) -> Choice:
        return choices[step] if step < len(choices) and choices[step] in options else options[0]

    return choose

"""A scheduler: processes that run one at a time, and can be interrupted at every call to AWS.

A process is a greenlet. It stops at each call, and the scheduler chooses which process makes its call next,
and whether the call fails. Processes read nothing but the answers to their calls. Therefore the choices
decide the whole run, and code that has run once with some answers need not run again: a ``Position`` is where
a process is after its answers, and knows where each next answer leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from greenlet import getcurrent, greenlet

from ingest.commit.event_bus import EventBusError
from ingest.retry import RetryTimeoutError
from tests.simulation.model import (
    ConditionalCheckFailedException,
    EntityNotFoundException,
    canceled,
    fingerprint,
    response,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.simulation.model import Model, Request

MAX_STEPS = 2_000
"""Steps after which a run counts as endless."""

MAX_SECONDS = 60.0
"""Seconds that a process has for its retries; they do not pass."""


class Fault(StrEnum):
    """What happens to a call. A crash ends the process, the others raise an error in it.

    After a crash, or an error that the process does not handle, its event is delivered again.
    """

    CRASH = "crash"  # before the request
    UNSENT = "unsent"  # no answer, and no effect
    LOST = "lost"  # no answer, but an effect
    LATE = "late"  # no answer, and an effect at any later time
    TWICE = "twice"  # no answer; the SDK repeats the request, and the process gets the second answer
    BUSY = "busy"  # throttled, or in conflict with another transaction
    OVER = "over"  # the same until the time of the process is over
    REFUSED = "refused"  # never accepted, such as an item that would be too large


END = "end"
"""The call that stands for the answer to Lambda: a crash before it repeats an event that is done."""

READS = {"get_item", "scan", "head_object", "get_object", "list_objects_v2", "get_partitions", "get_table"}
FAULTS_OF_READS = (Fault.CRASH, Fault.UNSENT, Fault.BUSY)
FAULTS_OF_WRITES = (Fault.CRASH, Fault.UNSENT, Fault.LOST, Fault.LATE, Fault.BUSY)
IDEMPOTENT = {"put_object", "delete_object", "delete_objects", "transact_write_items"}
"""Writes that can be repeated at once with the same answer: a transaction has a token."""


def faults_of(name: str, request: Request) -> tuple[Fault, ...]:
    """Return the faults that a call can have."""
    if name in READS:
        return FAULTS_OF_READS
    faults = (*FAULTS_OF_WRITES, *(() if name in IDEMPOTENT else (Fault.TWICE,)))
    if "object" in name:
        return faults
    may_grow = any(
        int(value.get("N", 0)) > 0
        for entry in request.get("TransactItems", ())
        for name_, value in entry.get("Update", {}).get("ExpressionAttributeValues", {}).items()
        if name_[1:].isdecimal()  # the counters of a cell
    )
    return (*faults, Fault.OVER, *((Fault.REFUSED,) if may_grow else ()))


class Call(NamedTuple):
    """A call that a process is about to make; a crash does not lose an answer that ``is_kept``."""

    name: str
    request: Request
    act: Callable[[Model], Any]
    faults: tuple[Fault, ...] = ()
    is_ready: Callable[[Model], bool] = lambda _: True
    is_kept: bool = False


class Paginator(NamedTuple):
    """Yields pages, each by one call."""

    operation: Callable[..., Any]

    def paginate(self, **request: Any) -> Iterator[Any]:
        while True:
            page = self.operation(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class Client:
    """A client of DynamoDB, S3 and Glue for all processes: each call goes to the scheduler."""

    class exceptions:  # noqa: N801 - as in botocore's clients
        ConditionalCheckFailedException = ConditionalCheckFailedException
        EntityNotFoundException = EntityNotFoundException

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            return make(Call(name, request, partial(perform, name, request), faults_of(name, request)))

        setattr(self, name, call)
        return call

    def get_paginator(self, name: str) -> Paginator:
        return Paginator(getattr(self, name))


def perform(name: str, request: Request, model: Model) -> Any:
    """Perform an operation of the model."""
    return getattr(model, name)(request)


def make(call: Call) -> Any:
    """Make a call in a process: let the scheduler decide when, and how it ends."""
    return getcurrent().parent.switch(call)


class Choice(NamedTuple):
    """A step: the number of the process whose call is next (or of a late request), and a fault."""

    number: int
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"{self.number}{f'!{self.fault}' if self.fault else ''}"

    @classmethod
    def parse(cls, text: str) -> Choice:
        number, _, fault = text.partition("!")
        return cls(int(number), Fault(fault) if fault else None)


GO = [Choice(number) for number in range(100)]
"""The steps without a fault, by number."""


@cache
def faulty(number: int, faults: tuple[Fault, ...]) -> tuple[Choice, ...]:
    """Return the steps of a process with faults."""
    return tuple(Choice(number, fault) for fault in faults)


class OverError(ClientError):
    """An answer after which the process has no time left."""


class Start(NamedTuple):
    """The number of an attempt, from 1, and the answer that was kept from the attempts before."""

    attempt: int = 1
    kept: Any = None


@dataclass(slots=True)
class Process:
    """What the body of a process knows about it.

    Attributes:
        number: of the process. start: how it was started. seconds: the time that it has left.
    """

    number: int
    start: Start
    seconds: float = MAX_SECONDS


class Execution:
    """A process that runs from call to call until its body returns whether it is done."""

    def __init__(self, process: Process, body: Callable[[Process], bool]) -> None:
        self._process = process
        self._greenlet = greenlet(run)
        self.sent: Call | bool = self._greenlet.switch(process, body)

    def answer(self, answer: Any) -> Call | bool:
        """Go on with an answer to the call, or its error; return the next call, or whether it is done."""
        if not isinstance(answer, Exception):
            self.sent = self._greenlet.switch(answer)
            return self.sent
        if isinstance(answer, OverError):
            self._process.seconds = 0.0
        self.sent = self._greenlet.throw(answer)
        return self.sent


def run(process: Process, body: Callable[[Process], bool]) -> bool:
    """Run a process to its end; return whether it is done, and need not be started again."""
    try:
        done = body(process)
    except (BotoCoreError, ClientError, EventBusError, RetryTimeoutError):
        return False
    make(Call(END, {}, lambda _: None, (Fault.CRASH,)))
    return done


class Position:
    """Where a process is after some answers to its calls.

    Attributes:
        call: the next call; None if the process is done.
    """

    __slots__ = ("_answers", "_execution", "_next", "_program", "_start", "call")

    def __init__(
        self,
        program: Program,
        start: Start,
        answers: tuple[Any, ...],
        execution: Execution,
        sent: Call | bool,
    ) -> None:
        self._program, self._start, self._answers = program, start, answers
        self._execution: Execution | None = execution
        self.call = sent if isinstance(sent, Call) else None
        self._next: dict[Any, Position] = {}

    def after(self, answer: Any) -> Position:
        """Return the position after the answer to the call."""
        what = fingerprint(answer)
        if what not in self._next:
            self._next[what] = self._go_on(answer)
        return self._next[what]

    def _go_on(self, answer: Any) -> Position:
        assert self.call
        execution, self._execution = self._execution or self._repeat(), None
        sent = execution.answer(answer)
        start = self._start._replace(kept=answer) if self.call.is_kept else self._start
        if sent is False:
            return self._program.begin(start._replace(attempt=start.attempt + 1))
        return Position(self._program, start, (*self._answers, answer), execution, sent)

    def after_crash(self) -> Position:
        """Return the position of the next attempt."""
        return self._program.begin(self._start._replace(attempt=self._start.attempt + 1))

    def _repeat(self) -> Execution:
        """Return an execution that is at this position, since it gets the same answers."""
        start, *answers = self._answers
        execution = self._program.execute(start)
        for answer in answers:
            execution.answer(answer)
        return execution


class Program:
    """What a process does; it knows the positions that were reached."""

    def __init__(self, number: int, body: Callable[[Process], bool]) -> None:
        self.number, self._body = number, body
        self._starts: dict[Start, Position] = {}

    def execute(self, start: Start) -> Execution:
        return Execution(Process(self.number, start), self._body)

    def begin(self, start: Start = Start()) -> Position:  # noqa: B008 - it is immutable
        """Return the position of a process at its first call."""
        if start not in self._starts:
            execution = self.execute(start)
            self._starts[start] = Position(self, start, (start,), execution, execution.sent)
        return self._starts[start]

    def forget(self) -> None:
        """Forget all positions: Python does not find cycles of references through suspended greenlets."""
        self._starts.clear()


class State(NamedTuple):
    """A moment of a run.

    Attributes:
        model: the stores, which the next step changes.
        positions: of the processes. late: late requests, None after their effect.
        faults: how many faults are left.
    """

    model: Model
    positions: tuple[Position, ...]
    late: tuple[Call | None, ...]
    faults: int

    @classmethod
    def first(cls, model: Model, programs: Iterable[Program], faults: int) -> State:
        return cls(model, tuple(program.begin() for program in programs), (), faults).without_ends()

    def key(self) -> tuple[Any, ...]:
        """Return what decides the rest of the run."""
        late = tuple(call and id(call) for call in self.late)
        positions = tuple(id(position) if position.call else 0 for position in self.positions)
        return self.model.digest, self.model.ticks, self.faults, late, positions

    def options(self) -> list[Choice]:
        """Return the possible steps; none at the end."""
        waiting = [
            (number, position.call)
            for number, position in enumerate(self.positions)
            if position.call and position.call.is_ready(self.model)
        ]
        choices = [GO[number] for number, _ in waiting]
        first = len(self.positions)
        choices += [GO[first + i] for i, call in enumerate(self.late) if call]
        if self.faults:
            choices += [choice for number, call in waiting for choice in faulty(number, call.faults)]
        return choices

    def after(self, choice: Choice) -> State:
        """Take a step, which changes the model."""
        number, fault = choice
        if number >= len(self.positions):
            late = [*self.late]
            request, late[number - len(self.positions)] = late[number - len(self.positions)], None
            assert request
            act(request, self.model)
            return self._replace(late=tuple(late))
        position, late_ = self.positions[number], self.late
        call = position.call
        assert call
        if fault is Fault.CRASH:
            position = position.after_crash()
        else:
            late_ = (*late_, call) if fault is Fault.LATE else late_
            position = position.after(answer_of(call, fault, self.model))
        positions = (*self.positions[:number], position, *self.positions[number + 1 :])
        return State(self.model, positions, late_, self.faults - (fault is not None)).without_ends()

    def without_ends(self) -> State:
        """End the processes that have nothing left but a crash, if no fault is left."""
        if self.faults:
            return self
        for position in self.positions:
            if position.call and position.call.name == END:
                break
        else:
            return self
        ended = (p.after(None) if p.call and p.call.name == END else p for p in self.positions)
        return self._replace(positions=tuple(ended)).without_ends()


def answer_of(call: Call, fault: Fault | None, model: Model) -> Any:
    """Make a call with or without a fault; return the answer, or the error, that the process gets."""
    if fault is None:
        return act(call, model)
    if fault in {Fault.LOST, Fault.TWICE}:
        act(call, model)
    return act(call, model) if fault is Fault.TWICE else error_of(call, fault)


def act(call: Call, model: Model) -> Any:
    """Make a call without a fault; return the answer, or the error."""
    try:
        return call.act(model)
    except ClientError as error:
        return error


def error_of(call: Call, fault: Fault) -> Exception:
    """Return the error that a process gets from a call with a fault."""
    if fault in {Fault.UNSENT, Fault.LOST, Fault.LATE}:
        return ReadTimeoutError(endpoint_url="")
    kind = OverError if fault is Fault.OVER else ClientError
    if fault is Fault.REFUSED:
        return canceled("ValidationError")
    if call.name == "transact_write_items":
        return kind(response("TransactionCanceledException", "TransactionConflict"), call.name)
    return kind(response("SlowDown" if "object" in call.name else "ThrottlingException"), call.name)

"""The harness of a simulation: what its processes upload and ingest, and what must hold in the end."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from unittest.mock import patch
from weakref import WeakKeyDictionary

from greenlet import getcurrent

from ingest import retry, service
from ingest.commit import chunks, room
from ingest.commit.committer import Committer
from ingest.commit.event_bus import EventBus
from ingest.config import Settings
from ingest.counting.as_of import AsOf
from ingest.counting.count_file import Counted
from ingest.errors import FileError
from ingest.events import Kind, ObjectEvent
from ingest.parquet.column_names import NO_MAPPING
from ingest.row_outputs.glue_catalog import GlueCatalog
from ingest.service import Action, IngestService
from ingest.storage import results_bucket
from ingest.storage.partition_names import TABLE, source_partition
from ingest.storage.results_bucket import ResultsBucket
from tests.simulation.model import START, Model
from tests.simulation.scheduler import Call, Client, Process, Program, State, make
from voucher_selector.operations import recount
from voucher_selector.operations.garbage import delete_garbage
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.verify import compare, repair
from voucher_selector.spark_job import counting as spark_counting
from voucher_selector.spark_job import run as spark_run
from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.run import RunError
from voucher_selector.spark_job.sums import combine
from vouchers.counts import Cell, Contribution
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.dynamodb.sources_table import Source, SourcesTable, Status
from vouchers.keys import PREFIX
from vouchers.report import RejectedExample, Report
from vouchers.segments import load_definitions
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.simulation.model import Place
    from tests.simulation.scheduler import Choice

UPLOADS, RESULTS, DATABASE, BUS = "uploads", "results", "rows", "default"
SOURCES, SEGMENTS = "voucher_sources", "voucher_segments"
CLIENT: Any = Client()
DEFINITIONS = load_definitions()
DATASETS = "datasets/"

CELLS = [Cell("peru", name) for name in "abcd"]
CONTENTS: dict[str, Contribution] = {
    "one": {CELLS[0]: {"1": 1}},
    "two": {CELLS[0]: {"1": 2, "2": 1}},
    "other": {CELLS[1]: {"1": 3}},
    "wide": {CELLS[0]: {"1": 5}, CELLS[1]: {"1": 1, "3": 2}, CELLS[2]: {"2": 1}},
    "dirty": {CELLS[0]: {"2": 4}, CELLS[2]: {"2": 2}},  # with rejected rows
}
"""What each content of an object contributes. Any other content cannot be counted."""


class Limits(NamedTuple):
    """The product's limits, small enough that small contributions reach them."""

    cells: int = chunks.MAX_CELLS
    counters: int = chunks.MAX_COUNTERS
    inline: int = results_bucket.MAX_INLINE_BYTES


REAL = Limits()


class Task(NamedTuple):
    """What a process does.

    ``put`` and ``delete`` change an object and deliver the event, ``again`` delivers the event of another
    process again, ``replay`` and ``force`` replay an object, ``count`` counts a dataset after it has put an
    object there, or counts it by force, ``clean`` deletes garbage, ``repair`` verifies the counts and repairs
    the table. In the preparation, ``upload`` and ``remove`` change an object and leave its event to a
    process, and ``spoil`` makes the table wrong.
    """

    verb: str
    key: str = ""
    content: str = ""
    of: int = 0

    def __str__(self) -> str:
        return " ".join(filter(None, (self.verb, self.key, self.content, str(self.of or ""))))


@dataclass(frozen=True)
class Scenario:
    """Processes that run at once, after a preparation without faults.

    An event of the preparation has the number -1 for its first task, -2 for the second, and so on.
    """

    tasks: tuple[Task, ...]
    before: tuple[Task, ...] = ()
    limits: Limits = REAL
    versioned: bool = False
    keeps_rows: bool = False
    sends_events: bool = False

    def __str__(self) -> str:
        named = ", ".join(map(str, self.before)) + " | " * bool(self.before) + ", ".join(map(str, self.tasks))
        kinds = [f"{n}={v}" for n, v in self.limits._asdict().items() if v != Limits._field_defaults[n]]
        kinds += [name for name in ("versioned", "keeps_rows", "sends_events") if getattr(self, name)]
        return f"{named} ({', '.join(kinds)})"


@contextmanager
def simulated(scenario: Scenario) -> Iterator[Harness]:
    """Replace the clock, counting, limits and AWS of the ingest; yield the harness of a scenario."""
    limits = scenario.limits
    still = SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _: None, uniform=lambda *_: 0.0)
    with ExitStack() as patches:
        for target, name, value in (
            (retry, "time", still),
            (retry, "random", still),
            (service, "time", still),
            (service, "count_file", count_file),
            (service, "RejectedRows", RejectedRows),
            (service, "refuse_table_file", lambda *_: None),
            (recount, "refuse_table_file", lambda *_: None),
            (spark_counting, "count_file", count_file),
            (spark_counting, "RejectedRows", RejectedRows),
            (spark_counting, "s3_client", lambda: CLIENT),
            (recount, "count_file", count_file),
            (recount.Recount, "settings", Settings("", "", "", "", AsOf("upload"), NO_MAPPING)),
            (spark_run, "s3_client", lambda: CLIENT),
            (spark_run, "dynamodb_client", lambda: CLIENT),
            (spark_run, "events_client", lambda: CLIENT),
            (spark_run, "datetime", SimpleNamespace(now=lambda _: SPARK_STARTS[getcurrent()])),
            (chunks, "MAX_CELLS", limits.cells),
            (chunks, "MAX_COUNTERS", limits.counters),
            (room, "MAX_COUNTERS", limits.counters),
            (results_bucket, "MAX_INLINE_BYTES", limits.inline),
        ):
            patches.enter_context(patch.object(target, name, value))
        harness = Harness(scenario)
        try:
            yield harness
        finally:
            for program in harness.programs:
                program.forget()


SPARK_STARTS: WeakKeyDictionary[Any, datetime] = WeakKeyDictionary()
"""When the Spark job of each process started, which is its time to its end."""


def count_file(file: Any, _: object, __: object, callbacks: Any = None, ___: object = None) -> Counted:
    """Return what an object contributes, given by its content, in place of counting its rows."""
    content = file.read().decode()
    if content not in CONTENTS:
        raise FileError("it is broken")
    contribution = CONTENTS[content]
    if callbacks.reject and content == "dirty":
        callbacks.reject(content)
    if callbacks.keep:
        callbacks.keep({cell.country for cell in contribution})
    examples = {"a reason": [RejectedExample(0, "a value")]} if content == "dirty" else {}
    rejected = {reason: len(found) for reason, found in examples.items()}
    report = Report(1 + len(rejected), 1, len(rejected), rejected, {}, {}, rejected_examples=examples)
    return Counted(contribution, report)


class RejectedRows:
    """Stores rejected rows as the real one does, without a file."""

    def __init__(self, _: str | None = None) -> None:
        self._content = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add(self, content: str) -> None:
        self._content = content

    def store(self, results: ResultsBucket, prefix: str) -> str | None:
        if not self._content:
            return None
        digest = hashlib.sha256(self._content.encode()).hexdigest()[:16]
        results.write_text(f"{prefix}{digest}.parquet", self._content)
        results.write_text(f"{prefix}{digest}.parquet.json", self._content)
        return f"{prefix}{digest}.parquet"


class SegmentedRows:
    """Stores segmented rows as the real writer does: an object for each country."""

    def __init__(self, results: ResultsBucket, folder: str) -> None:
        self._results, self._folder, self._countries = results, folder, set[str]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add(self, countries: set[str]) -> None:
        self._countries |= countries

    def store(self) -> str | None:
        for country in sorted(self._countries):
            self._results.write_text(f"{self._folder}country={country}/0.parquet", country)
        return self._folder if self._countries else None


class Catalog(GlueCatalog):
    """The real catalog with the writer of the simulation, whose folders have the name of the process."""

    def open_writer(self, keys: Any, _: int | None) -> Any:
        digest = hashlib.sha256(self.writer.encode()).hexdigest()[:32]
        return SegmentedRows(self.results, f"{keys.rows}{digest}/")


class Harness:
    """Carries out the tasks of a scenario.

    Attributes:
        prepared: the stores after the preparation.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.sources = SourcesTable(CLIENT, SOURCES)
        self.results = ResultsBucket(CLIENT, RESULTS)
        outputs = {"ResultsBucket": RESULTS, "UploadsBucket": UPLOADS}
        self.stack: Any = SimpleNamespace(
            s3=lambda: CLIENT,
            sources_table=lambda: self.sources,
            segments_table=lambda: SegmentsTable(CLIENT, SEGMENTS),
            results_bucket=lambda: self.results,
            session=SimpleNamespace(client=lambda *_, **__: CLIENT),
            endpoint=None,
            prefix=PREFIX,
            outputs=outputs | ({"RowsDatabase": DATABASE} if scenario.keeps_rows else {}),
        )
        versioned = frozenset({UPLOADS} if scenario.versioned else ())
        self.prepared = Model(versioned, frozenset({RESULTS}), watch)
        for number, task in enumerate(scenario.before, 1):
            self.run_alone(self.prepared, -number, task)
        self.programs = [self._program(number, task) for number, task in enumerate(scenario.tasks)]
        self._checked: set[tuple[int, bool]] = set()

    def first(self, faults: int) -> State:
        """Return the first state of a run."""
        return State.first(self.prepared.copy(), self.programs, faults)

    def _program(self, number: int, task: Task) -> Program:
        return Program(number, partial(self._carry_out, number, task))

    def run_alone(self, model: Model, number: int, task: Task) -> None:
        """Run a process from its beginning to its end without faults."""
        state = State.first(model, [self._program(number, task)], 0)
        while options := state.options():
            state = state.after(options[0])

    def _carry_out(self, number: int, task: Task, process: Process) -> bool:
        match task.verb:
            case "clean":
                delete_garbage(self.stack, task.key)
                return True
            case "repair":
                return self._repair()
            case "verify":
                found = compare(self.stack, [*list_objects(self.stack)], lambda _: None)
                assert found.is_clean, found
                return True
            case "spoil":
                make(Call("change", {}, spoil))
                return True
        event = process.start.kept
        if event is None and (task.content or task.verb in {"delete", "remove"}):
            event = make(Call("change", {}, partial(change, number, task), is_kept=True))
        if event is None and task.verb == "again":
            place = ("event", task.of)
            receive = Call(
                "receive",
                {},
                lambda model: model.values[place],
                (),
                lambda m: place in m.values,
                is_kept=True,
            )
            event = make(receive)
        if task.verb == "count":
            return self._count(process, task)
        if task.verb in {"replay", "force"}:
            forced = task.verb == "force"
            now = START + timedelta(minutes=1, hours=task.of)
            event = ObjectEvent(Kind.REPLAYED, UPLOADS, task.key, now, "", None, None, forced=forced)
        return task.verb in {"upload", "remove"} or self._ingest(process, event)

    def _ingest(self, process: Process, event: ObjectEvent) -> bool:
        """Ingest an event; return whether it is not delivered again."""
        now = event.time + timedelta(microseconds=100 * process.number + process.start.attempt)
        outcome = self._service(process, lambda: now).apply(event)
        error = outcome.error or ""
        return outcome.action is not Action.FAILED or (not is_refusal(error) and process.start.attempt > 1)

    def _service(self, process: Process, now: Callable[[], datetime]) -> IngestService:
        row_output, writer = None, None
        if self.scenario.keeps_rows:
            writer = f"{iso(now())} {process.number}-{process.start.attempt}"
            row_output = Catalog(
                CLIENT,
                DATABASE,
                self.results,
                DEFINITIONS,
                self.sources,
                writer,
                now,
                lambda: process.seconds,
            )
        committer_ = Committer(
            CLIENT, self.sources, SEGMENTS, self.results, now, lambda: process.seconds, writer
        )
        return IngestService(
            CLIENT,
            committer_,
            DEFINITIONS,
            AsOf("upload"),
            row_output=row_output,
            event_bus=EventBus(CLIENT, BUS, UPLOADS) if self.scenario.sends_events else None,
        )

    def _repair(self) -> bool:
        """Do what ``make verify REPAIR=1`` does."""
        found = compare(self.stack, [*list_objects(self.stack)], lambda _: None)
        table = self.stack.segments_table()
        for cell in table.cells_with_zeros():
            table.remove_zeros(cell)
        if found.can_be_repaired:
            repair(self.stack, found.differences)
        return True

    def _count(self, process: Process, task: Task) -> bool:
        """Count a dataset; return whether the run has not broken off."""
        SPARK_STARTS[getcurrent()] = make(Call("start", {}, Model.tick))
        name = f"{process.number}x{process.start.attempt}"
        order = Order(
            name,
            task.key,
            "upload",
            columns="",
            forced=bool(task.of),
            uploads_bucket=UPLOADS,
            results_bucket=RESULTS,
            segments_table=SEGMENTS,
            sources_table=SOURCES,
            event_bus=BUS if self.scenario.sends_events else "",
        )
        try:
            return not is_refusal(spark_run.run(order, count_tasks).error or "")
        except RunError:
            return False

    def check(self, state: State, schedule: Sequence[Choice]) -> None:
        """Check the end of a run, before and after ``make replay``, unless another run has ended so."""
        was_smooth = all(choice.fault is None for choice in schedule)
        end = (state.model.digest, was_smooth)
        if end in self._checked:
            return
        model = state.model.copy()
        if any(task.verb == "spoil" for task in self.scenario.before):
            check_counts(model, SURPLUS)
            self.run_alone(model, len(self.scenario.tasks), Task("repair"))
        check_counts(model)
        check_catalog(model)
        if self.scenario.sends_events:
            check_events(model)
        if was_smooth:
            check_results(model)
        keys = {place[2] for place in model.values if place[:2] == ("object", UPLOADS)}
        keys = {key for key in keys if not key.startswith(DATASETS)} | {s.key for s in all_sources(model)}
        tasks = [Task("count" if key.startswith(DATASETS) else "replay", key, of=1) for key in sorted(keys)]
        tasks += [Task("clean", "vouchers/"), Task("clean", DATASETS), Task("verify")]
        for number, task in enumerate(tasks, len(self.scenario.tasks)):
            self.run_alone(model, number, task)
        check_counts(model)
        check_catalog(model)
        check_results(model)
        self._checked.add(end)


def change(number: int, task: Task, model: Model) -> ObjectEvent:
    """Change an object; return the event, which others can receive too."""
    now = model.tick()
    key = f"{task.key}{task.content}" if task.verb == "count" else task.key
    request, kind = {"Bucket": UPLOADS, "Key": key}, Kind.REMOVED
    if task.content:
        answer, kind = model.put_object({**request, "Body": task.content.encode()}), Kind.CREATED
    else:
        model.delete_object(request)
        answer = {}
    etag = answer.get("ETag", "").strip('"') or None
    sequencer = f"{model.ticks:X}"
    event = ObjectEvent(kind, UPLOADS, key, now, sequencer, answer.get("VersionId"), etag, forced=False)
    model.set(("event", number), event)
    return event


SURPLUS = Counter({"1": 3})
"""What ``spoil`` adds to the first cell."""


def spoil(model: Model) -> None:
    """Add to the counters of a cell what no source contributes."""
    place, item = next(model.under("item", SEGMENTS))
    added = {name: {"N": str(int(item[name]["N"]) + number)} for name, number in SURPLUS.items()}
    model.set(place, item | added)


def watch(model: Model, place: Place) -> None:
    """Check what must hold after each change of a value."""
    if place[:2] == ("item", SEGMENTS):
        below = {n: v for n, v in model.values[place].items() if v.get("N", "").startswith("-")}
        assert not below, f"counters of {place[2:]} are below 0: {below}"
    elif place[:2] in {("item", SOURCES), ("object", RESULTS)}:
        missing = referenced(model) - result_names(model)
        assert not missing, f"sources refer to results that do not exist: {missing}"


def referenced(model: Model) -> set[str]:
    """Return the results that sources refer to."""
    places = [place for place in model.values if place[:2] == ("item", SOURCES)]
    return {name for place in places for name in objects_of(model, place)}


OBJECTS: dict[int, set[str]] = {}


def objects_of(model: Model, place: Place) -> set[str]:
    """Return the results that a source refers to."""
    hash_ = model.hashes[place]
    if hash_ not in OBJECTS:
        OBJECTS[hash_] = Source.from_item(model.values[place]).objects
    return OBJECTS[hash_]


def result_names(model: Model) -> set[str]:
    """Return the results as sources name them: objects, and folders of rows."""
    keys = [place[2] for place in model.values if place[:2] == ("object", RESULTS)]
    return {name for name in map(result_name, keys) if name}


@cache
def result_name(key: str) -> str | None:
    """Return the name of the result that an object is, or belongs to."""
    result = results_bucket.parse_result_key(key)
    return result and result.name


def check_events(model: Model) -> None:
    """Check that an event was sent for the state of each source."""
    for source in all_sources(model):
        if state := source.state:
            assert ("published", source.key, str(state.status), state.committed_at) in model.values


def all_sources(model: Model) -> list[Source]:
    return [Source.from_item(item) for _, item in model.under("item", SOURCES)]


def check_counts(model: Model, surplus: Counter[str] | None = None) -> None:
    """Check that the counters are those of a fresh count, and that each source says that it is counted.

    With a ``surplus``, the first cell may have so much more.
    """
    current = {
        place[2]: versions[-1]
        for place, versions in model.values.items()
        if place[:2] == ("object", UPLOADS) and versions[-1].body is not None
    }
    expected = defaultdict[Cell, Counter[str]](Counter)
    for version in current.values():
        for cell, counters in CONTENTS.get(version.body.decode(), {}).items():
            expected[cell].update(counters)
    counted = {
        Cell(*place[2:]): numbers
        for place, item in model.under("item", SEGMENTS)
        if (numbers := {n: int(v["N"]) for n, v in item.items() if v.get("N", "0") != "0"})
    }
    if surplus and counted != expected:
        expected[CELLS[0]].update(surplus)
    assert counted == expected, f"the counters are {counted}"
    states = {source.key: source.state for source in all_sources(model) if source.pending is None}
    assert len(states) == len(all_sources(model)), "a commit is pending"
    for key, version in current.items():
        if not key.startswith(DATASETS):
            state, is_counted = states[key], version.body.decode() in CONTENTS
            assert state, f"{key} has no state"
            assert state.is_of(version.id, version.etag), f"{key} is not counted"
            assert state.status is (Status.COUNTED if is_counted else Status.FAILED), state
    for key in states.keys() - current.keys():
        state = states[key]
        assert key.startswith(DATASETS) or (state and state.status is Status.DELETED), f"{key} is not deleted"


def check_results(model: Model) -> None:
    """Check that each result is referred to, and that nothing is left to do."""
    garbage = result_names(model) - referenced(model)
    assert not garbage, f"no source refers to {garbage}"
    for source in all_sources(model):
        assert not source.catalog_writers, f"{source.key} has catalog writers"
        assert not source.orphans, f"{source.key} has orphans"


def check_catalog(model: Model) -> None:
    """Check that the catalog lists the rows of each source, if no process may be changing it."""
    for source in all_sources(model):
        partitions = model.under("partition", DATABASE, TABLE, source_partition(source.key))
        listed = {place[4]: url for place, url in partitions}
        folder = source.rows_folder
        rows = {"peru": f"s3://{RESULTS}/{folder}country=peru/"} if folder else {}
        assert listed == rows or source.catalog_writers, f"the catalog lists {listed}"


def count_tasks(tasks: Sequence[Any], counter: Any) -> dict[Any, int]:
    """Count the tasks of a dataset, and add up what they return, as Spark does."""
    sums: dict[Any, Any] = {}
    for path, value in (pair for task in tasks for pair in counter.count_task(task)):
        sums[path] = combine(sums[path], value) if path in sums else value
    return sums


def is_refusal(error: str) -> bool:
    """Return whether a source failed because DynamoDB refused a write."""
    return "DynamoDB cannot hold its counts" in error

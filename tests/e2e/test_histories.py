"""Any sequence of changes, events and crashes ends with the counts of a fresh count."""

from __future__ import annotations

import os
import random
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ingest import handler
from ingest.handler import IngestError
from tests.support import oracle
from tests.support.crash_injection import Crash, calls
from tests.support.emulator import emulated, new_harness
from tests.support.sample_files import FILES, body, expected
from vouchers.dynamodb.sources_table import State, Status
from vouchers.segments import Attribute, Definitions, Range, Segment, load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack_harness import StackHarness

pytestmark = pytest.mark.stack

HISTORIES = int(os.environ.get("HISTORIES", "10"))
STEPS = int(os.environ.get("STEPS", "40"))

KEYS = st.sampled_from(["vouchers/a.parquet", "vouchers/b {c}+ü.parquet"])
NAMES = st.sampled_from([*FILES, "wide", "broken"])
CRASHES = st.none() | st.tuples(st.integers(0, 14), st.booleans())
CHANCE = st.randoms(use_true_random=False)
PERUS = (("peru", (Range(0, 9),)),)
OTHERS = Definitions((Segment("orders", Attribute.TOTAL_ORDERS, (Range(0, 3), Range(4, 9)), PERUS),))
DEFINITIONS: list[tuple[Definitions, oracle.Segments]] = [
    (load_definitions(), oracle.SEGMENTS),
    (OTHERS, {"orders": (oracle.ORDERS, [(0, 3), (4, 9)], {"Peru": [(0, 9)]})}),
]


class Histories(RuleBasedStateMachine):
    """A bucket, its pending events, and its delivered events."""

    versioned: ClassVar[bool] = True
    sequencers: ClassVar[str] = "growing"
    keeps_rows: ClassVar[bool] = False

    @initialize()
    def start(self) -> None:
        self.parts = ExitStack()
        kind = {name: getattr(self, name) for name in ("versioned", "sequencers", "keeps_rows")}
        self.harness: StackHarness = self.parts.enter_context(new_harness(**kind))
        self.versions: dict[str, list[tuple[str | None, str | None]]] = {}
        self.coming: list[dict[str, Any]] = []
        self.gone: list[dict[str, Any]] = []
        self.crashed = self.redefined = False
        self._define(0)

    def _define(self, which: int) -> None:
        definitions, self.segments = DEFINITIONS[which]
        self.definitions = definitions
        self.parts.enter_context(patch.object(handler, "load_definitions", lambda: definitions))

    def teardown(self) -> None:
        if hasattr(self, "harness"):
            self.settle(random.Random(1))  # noqa: S311 - not a secret
            self.parts.close()

    @rule(key=KEYS, name=NAMES)
    def put(self, key: str, name: str) -> None:
        record = self.harness.put(key, body(name))
        content = self.versions.setdefault(key, [])
        if not self.versioned:
            content.clear()
        content.append((record["s3"]["object"].get("versionId"), name))
        self.coming.append(record)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        record = self.harness.delete(key)
        if self.versioned:
            self.versions.setdefault(key, []).append((record["s3"]["object"]["versionId"], None))
        else:
            self.versions.pop(key, None)
        self.coming.append(record)

    @rule(key=KEYS, which=st.integers(0, 9))
    def delete_version(self, key: str, which: int) -> None:
        content = self.versions.get(key)
        if self.versioned and content:
            version, _ = content.pop(which % len(content))
            self.coming.append(self.harness.delete_version(key, version or ""))

    @rule(key=KEYS, which=st.integers(0, 9), bare=st.booleans())
    def expire(self, key: str, which: int, bare: bool) -> None:
        """Let a lifecycle rule delete the object or a version; a bare event names no version or sequencer."""
        before = len(self.coming)
        if which % 2:
            self.delete(key)
        else:
            self.delete_version(key, which)
        for record in self.coming[before:]:
            record["eventName"] = record["eventName"].replace("ObjectRemoved", "LifecycleExpiration")
            if bare:
                del record["s3"]["object"]["sequencer"]
                record["s3"]["object"].pop("versionId", None)

    @rule(
        key=KEYS,
        name=st.sampled_from(["ObjectTagging:Put", "LifecycleTransition", "ObjectRestore:Completed"]),
    )
    def touch(self, key: str, name: str) -> None:
        self.coming.append(self.harness.record(name, key))

    @rule(number=st.integers(0, 99), crash=CRASHES)
    def deliver_one(self, number: int, crash: tuple[int, bool] | None) -> None:
        """Deliver a pending event, perhaps with a crash."""
        if self.coming:
            self._ingest([self.coming.pop(number % len(self.coming))], crash)

    @rule(picks=st.lists(st.tuples(st.integers(0, 99), st.booleans()), min_size=1, max_size=3), crash=CRASHES)
    def deliver(self, picks: list[tuple[int, bool]], crash: tuple[int, bool] | None) -> None:
        """Deliver some events, in any order, new or repeated, perhaps with a crash."""
        records = []
        for number, again in picks:
            content = self.gone if again and self.gone else self.coming
            if content:
                records.append(content.pop(number % len(content)))
        self._ingest(records, crash)

    @rule(key=KEYS, forced=st.booleans(), crash=CRASHES)
    def replay(self, key: str, forced: bool, crash: tuple[int, bool] | None) -> None:
        self._ingest([self.harness.replay(key, forced=forced)], crash)

    @rule(which=st.sampled_from([0, 1]))
    def redefine(self, which: int) -> None:
        """Deploy other segment definitions; a replay is due."""
        self._define(which)
        self.redefined = True

    @rule(chance=CHANCE)
    def settle(self, chance: random.Random) -> None:
        """Deliver all pending events and replay if due; check the counts."""
        while self.coming:
            self._ingest([self.coming.pop(chance.randrange(len(self.coming)))], None)
        if self.redefined:
            self._ingest([self.harness.replay(key) for key in self.versions], None)
        self.redefined = False
        current = {key: content[-1][1] for key, content in self.versions.items() if content}
        files = [FILES[name] for name in current.values() if name in FILES]
        assert self.harness.cells() == expected(files, self.segments)
        if self.keeps_rows:
            assert self.harness.listed_cells(self.definitions) == self.harness.cells()
        self._sources_tell_the_same(current)

    def _sources_tell_the_same(self, current: dict[str, str | None]) -> None:
        referred = set()
        for key, name in current.items():
            source = self.harness.source(key)
            status = Status.DELETED if name is None else Status.COUNTED if name in FILES else Status.FAILED
            # The deletion of an object that was never counted leaves no source.
            state = source.state or State(Status.DELETED, "", "", "", "")
            assert (state.status, source.pending, source.orphans) == (status, None, frozenset())
            rejected = state.rejected_object
            assert bool(rejected) == (name == "dirty")
            referred |= source.objects
        assert referred <= self.harness.result_objects()
        if not self.crashed:
            assert referred == self.harness.result_objects()

    def _ingest(self, records: list[dict[str, Any]], crash: tuple[int, bool] | None) -> None:
        at, answered = crash or (None, False)
        try:
            with calls(at, answered=answered), suppress(IngestError):
                self.harness.ingest(*records)
        except Crash:
            self.crashed = True
            self.coming += records
        else:
            self.gone += [r for r in records if r["eventSource"] == "aws:s3"]

    @invariant()
    def no_counter_is_below_zero(self) -> None:
        if hasattr(self, "harness"):
            assert all(n >= 0 for counters in self.harness.counters().values() for n in counters.values())


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with emulated():
        yield


@pytest.mark.parametrize("sequencers", ["growing", "same"])
@pytest.mark.parametrize("versioned", [True, False])
def test_any_history_ends_in_the_counts_of_a_fresh_count(sequencers: str, versioned: bool) -> None:
    run({"sequencers": sequencers, "versioned": versioned}, HISTORIES, STEPS)


def test_the_catalog_ends_in_the_rows_of_the_same_counts() -> None:
    run({"keeps_rows": True}, max(HISTORIES // 3, 1), STEPS)


def run(kind: dict[str, Any], histories: int, steps: int) -> None:
    run_state_machine_as_test(
        type("Kind", (Histories,), kind),
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate] if os.environ.get("ONLY_GENERATE") else list(Phase),
        ),
    )

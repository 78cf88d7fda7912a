"""Mutants of the protocol: each has one mistake, which the simulation must find."""

from __future__ import annotations

import inspect
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.commit import chunks
from ingest.commit.committer import Committer
from ingest.row_outputs.glue_catalog import GlueCatalog
from ingest.service import IngestService
from ingest.storage.results_bucket import ResultKeys
from voucher_selector.operations import garbage, verify
from voucher_selector.spark_job import run as spark_run
from vouchers.dynamodb import sources_table
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.dynamodb.sources_table import SourcesTable

if TYPE_CHECKING:
    from collections.abc import Iterator


class Mutant(NamedTuple):
    """A function in which a text is replaced by another, and a scenario that shows the mistake."""

    owner: Any
    function: str
    old: str
    new: str
    scenario: str


MUTANTS = {
    "a write has no condition": Mutant(
        sources_table,
        "_unless_changed",
        '"#revision = :read"',
        '"attribute_not_exists(#nothing) OR #revision = :read"',
        "two overwrites",
    ),
    "a first write has no condition": Mutant(
        sources_table,
        "_unless_changed",
        '"attribute_not_exists(#revision)"',
        '"attribute_not_exists(#nothing)"',
        "the same event twice",
    ),
    "a chunk does not increment the revision": Mutant(
        SourcesTable, "increment_done", "ADD #revision :one, #done", "ADD #done", "three transactions twice"
    ),
    "a chunk is not counted as done": Mutant(
        SourcesTable, "increment_done", ", #done :one", "", "three transactions twice"
    ),
    "a commit resumes from its first chunk": Mutant(
        Committer,
        "resume",
        "updates_of_chunks[source.done :]",
        "updates_of_chunks",
        "three transactions twice",
    ),
    "a commit resumes a chunk too late": Mutant(
        Committer,
        "resume",
        "updates_of_chunks[source.done :]",
        "updates_of_chunks[source.done + bool(source.done) :]",
        "three transactions twice",
    ),
    "the last chunk is forgotten": Mutant(Committer, "_complete", ", *last]", "]", "two overwrites"),
    "the counters are written before the source": Mutant(
        Committer,
        "_complete",
        'transact(self.client, [{"Put": put}, *last], self.seconds_left)',
        'for one in (last, [{"Put": put}]): transact(self.client, one, self.seconds_left)',
        "two overwrites",
    ),
    "a large commit has no intent": Mutant(
        Committer,
        "commit",
        'transact(self.client, [{"Put": put}], self.seconds_left)',
        "intent = replace(intent, revision=source.revision)",
        "three transactions and a deletion",
    ),
    "a pending commit is not completed first": Mutant(
        Committer,
        "load_settled",
        "if source.pending is None:",
        "if True:",
        "three transactions and a deletion",
    ),
    "a withdrawal forgets the chunks that are done": Mutant(
        Committer, "resume", "[: source.done]", "[:0]", "three transactions alone"
    ),
    "a withdrawal subtracts a chunk that is not done": Mutant(
        Committer, "resume", "[: source.done]", "[: source.done + 1]", "three transactions alone"
    ),
    "the old contribution is not subtracted": Mutant(
        Committer, "commit", "self.load_contribution(source, source.state)", "{}", "two overwrites"
    ),
    "old results are deleted before the commit": Mutant(
        IngestService,
        "carry_out",
        "if plan.state and plan.state != source.state:",
        "self.committer.results.delete(source.objects)\n    if plan.state and plan.state != source.state:",
        "an overwrite and a deletion",
    ),
    "old results are not remembered": Mutant(
        Committer,
        "_complete",
        "source.orphans | ((source.state.objects if source.state else set()) - state.objects)",
        "source.orphans",
        "an overwrite and a deletion",
    ),
    "the results of a plan that fails stay": Mutant(
        IngestService,
        "apply",
        "self.committer.results.delete(plan.state.objects - source.objects)",
        "pass",
        "an overwrite and a deletion",
    ),
    "a duplicate sends no event": Mutant(
        IngestService,
        "carry_out",
        "(plan.state or plan.action is Action.DUPLICATE)",
        "plan.state",
        "events of an overwrite and a replay",
    ),
    "a failure sends no event": Mutant(
        IngestService,
        "carry_out",
        "if self.event_bus and committed and",
        "if self.event_bus and committed and not committed.error and",
        "events of an object that breaks and goes",
    ),
    "results have the same keys at each revision": Mutant(
        ResultKeys, "of", "source.revision + 1", "10_000_000", "an old content again"
    ),
    "garbage includes results of a commit in progress": Mutant(
        garbage,
        "find_garbage",
        "result.revision <= source.revision and",
        "",
        "garbage while an object is counted",
    ),
    "zeros are removed without a condition": Mutant(
        SegmentsTable,
        "remove_zeros",
        'ConditionExpression=" AND ".join(f"{name}=:zero" for name in names),',
        "",
        "zeros are removed while an object is counted",
    ),
    "a repair has no condition": Mutant(
        SegmentsTable,
        "correct",
        'ConditionExpression=" AND ".join(unchanged),',
        "",
        "a repair while an object is counted",
    ),
    "a repair ignores sources that have changed": Mutant(
        verify,
        "compare",
        "_compare_snapshots(before, after, {*keys, *datasets})",
        "[]",
        "a repair while an object is counted",
    ),
    "events are applied in any order": Mutant(
        IngestService,
        "_plan_event",
        "event.order <= source.state.order",
        "False",
        "events in the wrong order",
    ),
    "the event of a failed source is a duplicate": Mutant(
        IngestService,
        "_plan_event",
        "if source.state.status is not Status.FAILED:",
        "if True:",
        "three transactions twice",
    ),
    "a replay is the newest event": Mutant(
        IngestService,
        "resolve_target",
        "(current.sequencer, current.event_time) if current else",
        '("F" * 60, current.event_time) if current else',
        "three transactions back",
    ),
    "a catalog writer is removed before it is done": Mutant(
        GlueCatalog, "reconcile", "self.point(source.key, source.rows_folder)", "pass", "segmented rows"
    ),
    "a commit does not register the catalog writer": Mutant(
        Committer,
        "_complete",
        "if self.catalog_writer and source.rows_folder",
        "if False and source.rows_folder",
        "segmented rows",
    ),
    "the removal of catalog writers has no condition": Mutant(
        SourcesTable,
        "remove_catalog_writers",
        "self._update(read, expression, values)",
        "self._update(read, expression, values) | {'ConditionExpression': ''}",
        "segmented rows go",
    ),
    "the removal of catalog writers leaves the revision": Mutant(
        SourcesTable, "remove_catalog_writers", "ADD #revision :one REMOVE", "REMOVE", "segmented rows go"
    ),
    "runs of a dataset are not ordered": Mutant(
        spark_run, "run", "source.state.order >= state.order", "False", "two counts of a dataset"
    ),
    "chunks of a commit leave out counters": Mutant(
        chunks, "split", "chunks.append([])", "chunks[:] = [[]]", "three transactions twice"
    ),
}


@contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    """Replace the code of a function, wherever it is used, by that of its mutant."""
    function = getattr(mutant.owner, mutant.function)
    function = getattr(function, "__func__", function)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(mutant.old) == 1, f"'{mutant.old}' must be in {function.__qualname__} once"
    defined: dict[str, Any] = {}
    changed = source.replace(mutant.old, mutant.new)
    exec(compile(changed, mutant.function, "exec", annotations.compiler_flag), function.__globals__, defined)  # noqa: S102 - the project's own code
    made = defined[mutant.function]
    code, function.__code__ = function.__code__, getattr(made, "__func__", made).__code__
    try:
        yield
    finally:
        function.__code__ = code

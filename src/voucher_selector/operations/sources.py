"""The sources of a stack: list them, advise on them, read their rejected rows, and delete their objects."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from ingest.storage.s3_objects import find_object, open_object
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.upload import DATASETS, MAX_SECONDS, find_current, look_until_known
from voucher_selector.stack import Deployed, log_place
from vouchers.dynamodb.sources_table import Cursor, State, Status
from vouchers.segments import Attribute, load_definitions

PAGE_SIZE = 1_000
BATCH_ROWS = 1_000
MAX_KEYS_PER_CALL = 1_000

DEFAULT_MAX_REJECTED = 10.0
"""Percent of the rows that may be rejected without a warning."""


def source_key(stack: Deployed, name: str) -> str:
    """Return the key of a source, given a dataset's key, or that of an upload with or without the prefix."""
    return name if name.startswith(DATASETS) else stack.upload_key(name)


def list_states(stack: Deployed, prefix: str, statuses: Iterable[Status]) -> dict[str, State]:
    """Return the states of the sources with some statuses by key, sorted, without contributions.

    ``prefix`` is what their keys begin with; the prefix of uploads may be left out.
    """
    prefix, table = source_key(stack, prefix) if prefix else "", stack.sources_table()
    listed = [found for status in statuses for found in table.newest_first(status, Cursor(), PAGE_SIZE)]
    return {key: state for key, state in sorted(listed, key=itemgetter(0)) if key.startswith(prefix)}


def advise_on_rows(key: str, report: Mapping[str, Any], max_rejected: float) -> Iterator[str]:
    """Yield sentences on a report: too many rejected rows, or none in the ranges of a segment.

    ``max_rejected`` is in percent of the rows.
    """
    rows, rejected = report["rows"], report["rejected"]
    if not rows:
        yield f"{key} has no rows"
        return
    if (share := 100 * rejected / rows) > max_rejected:
        reason = max(report["rejected_by_reason"].items(), key=lambda item: item[1])[0].replace("_", " ")
        yield f"{share:.1f} % of the rows of {key} are rejected, most of them for: {reason}"
    by_orders = {s.name for s in load_definitions().segments if s.attribute is Attribute.TOTAL_ORDERS}
    for name, segment in report["segments"].items():
        if segment["unsegmented"] == segment["counted"] > 0:
            question = "" if name in by_orders else f"; is the as-of date {report['as_of']} right?"
            yield f"No row of {key} is in a range of {name}{question}"


def advise_on_content(stack: Deployed, etags: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence on each object, given with its ETag, whose content is counted under another key."""
    keys: dict[str, list[str]] = {}
    for key, state in list_states(stack, "", [Status.COUNTED]).items():
        keys.setdefault((state.etag or "").strip('"'), []).append(key)
    for key, etag in etags.items():
        if others := [other for other in keys.get(etag.strip('"'), []) if other != key]:
            yield f"{key} has the same content as {others[0]}, and its rows are counted twice"


def read_rejected_rows(stack: Deployed, state: State) -> Iterator[dict[str, Any]]:
    """Yield the rejected rows of a source, each with its number in the file, its reason and its values.

    They are read while they are yielded, so few rows of a large object need few requests.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - importing pyarrow is slow

    if state.rejected_object is None:
        return
    s3, results = stack.s3(), stack.results_bucket()
    for key in chain.from_iterable(results.list_pages(state.rejected_object)):
        if not key.endswith(".parquet"):  # the first rows as JSON
            continue
        with open_object(s3, find_object(s3, results.bucket, key)) as file:
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
                yield from batch.to_pylist()


def find_keys(stack: Deployed, names: Iterable[str]) -> list[str]:
    """Return the keys of the objects that names stand for; one that ends in a slash stands for a folder.

    Raises:
        CommandError: if there is no such object.
    """
    s3, bucket = stack.s3(), stack.outputs["UploadsBucket"]
    found: dict[str, None] = {}
    for key in map(stack.upload_key, names):
        inside = list(list_objects(stack, key)) if key.endswith("/") else [key]
        if not inside or (inside == [key] and find_current(s3, bucket, key) is None):
            problem = (
                f"There are no objects under {key}" if key.endswith("/") else f"There is no object {key}"
            )
            raise CommandError(problem, Exit.NO)
        found |= dict.fromkeys(inside)
    return [*found]


def delete(stack: Deployed, keys: Sequence[str], advance: Callable[[int], object]) -> None:
    """Delete objects, and wait until they are not counted; ``advance`` is called with 1 after each.

    Raises:
        CommandError: if S3 keeps an object, or one is still counted after ``MAX_SECONDS``.
    """
    s3, bucket, table = stack.s3(), stack.outputs["UploadsBucket"], stack.sources_table()
    for start in range(0, len(keys), MAX_KEYS_PER_CALL):
        batch: Any = [{"Key": key} for key in keys[start : start + MAX_KEYS_PER_CALL]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for error in answer.get("Errors", []):
            problem = f"{error.get('Key')} was not deleted: {error.get('Message')}"
            raise CommandError(problem, Exit.STACK)

    def look(key: str) -> bool | None:
        return table.load(key).is_gone or find_current(s3, bucket, key) is not None or None

    for key, is_known in look_until_known(keys, look):
        if not is_known:
            problem = f"{key} was deleted but is still counted after {MAX_SECONDS:.0f} s"
            raise CommandError(f"{problem}. See the log: {log_place()}", Exit.STACK)
        advance(1)

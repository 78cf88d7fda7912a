"""The model answers random calls as the emulator does, and ends with the same content."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.simulation.model import MAX_ITEMS, Model
from tests.support.emulator import emulated, new_harness
from vouchers.counts import Cell
from vouchers.dynamodb.segments_table import add_update, item_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack_harness import StackHarness

pytestmark = pytest.mark.stack

SOURCES, SEGMENTS, UPLOADS, RESULTS, DATABASE = (
    "voucher_sources",
    "voucher_segments",
    "uploads",
    "results",
    "rows",
)
EXAMPLES = int(os.environ.get("HISTORIES", "10")) // 2

Call = tuple[str, dict[str, Any]]
Bound = dict[str, Any]
"""Values of an expression, by name."""

keys = st.sampled_from(["vouchers/a", "vouchers/a/b", "c"])
numbers = st.integers(-2, 2).map(lambda n: {"N": str(n)})
cells = st.builds(Cell, st.sampled_from(["peru", "china"]), st.sampled_from("xy"))
members: st.SearchStrategy[Any] = st.lists(st.sampled_from("opq"), min_size=1, unique=True).map(
    lambda found: {"SS": sorted(found)}
)


@st.composite
def conditions(draw: st.DrawFn, values: dict[str, Any]) -> dict[str, Any]:
    """Draw the condition of a write, with its names and values and those of the update."""
    names = {"#revision": "revision"}
    condition, bound = draw(
        st.sampled_from(
            [("attribute_not_exists(#revision)", {}), ("#revision = :read", {":read": {"N": "1"}})]
        )
    )
    if draw(st.booleans()):
        bound = {name: draw(numbers) for name in bound}
    bound = values | bound
    made = {"ConditionExpression": condition, "ExpressionAttributeNames": names}
    return made | ({"ExpressionAttributeValues": bound} if bound else {})


@st.composite
def puts(draw: st.DrawFn) -> dict[str, Any]:
    item = {"source": {"S": draw(keys)}, "revision": draw(numbers), "done": {"N": "0"}}
    if draw(st.booleans()):
        item["orphans"] = draw(members)
    return {"TableName": SOURCES, "Item": item} | draw(conditions({}))


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an update of a source with an expression of the product."""
    one: Bound = {":one": {"N": "1"}}
    some: Bound = {":some": draw(members)}
    expression, values = draw(
        st.sampled_from(
            [
                ("ADD #revision :one, #done :one", one),
                ("ADD #revision :one, #writers :some", one | some),
                ("ADD #revision :one REMOVE #orphans DELETE #writers :some", one | some),
                ("REMOVE #orphans", {}),
            ]
        )
    )
    made = {"TableName": SOURCES, "Key": {"source": {"S": draw(keys)}}, "UpdateExpression": expression}
    made |= draw(conditions(values))
    names: Any = {"#done": "done", "#writers": "catalog_writers", "#orphans": "orphans"}
    used = {name: attribute for name, attribute in names.items() if name in expression}
    return made | {"ExpressionAttributeNames": made["ExpressionAttributeNames"] | used}


additions = st.builds(
    add_update,
    st.just(SEGMENTS),
    cells,
    st.dictionaries(st.sampled_from(["1", "2", "as:Peru"]), st.integers(-2, 2), min_size=1),
    st.sampled_from(["t1", "t2"]),
)


@st.composite
def removals(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a removal of counters that are 0."""
    names = draw(st.lists(st.sampled_from(["1", "2"]), min_size=1, unique=True))
    named = {f"#{i}": name for i, name in enumerate(names)}
    return {
        "TableName": SEGMENTS,
        "Key": item_key(draw(cells)),
        "UpdateExpression": "REMOVE " + ",".join(named),
        "ConditionExpression": " AND ".join(f"{name}=:zero" for name in named),
        "ExpressionAttributeNames": named,
        "ExpressionAttributeValues": {":zero": {"N": "0"}},
    }


writes = st.one_of(
    st.builds(lambda put: {"Put": put}, puts()),
    st.builds(lambda update: {"Update": update}, st.one_of(updates(), additions, additions)),
)
etags = st.sampled_from(["x", "y"])
buckets = st.sampled_from([UPLOADS, RESULTS])
locations = st.sampled_from(["s3://r/1/", "s3://r/2/"])
partitions = st.tuples(keys, st.sampled_from(["peru", "china"])).map(list)
TABLE = {"DatabaseName": DATABASE, "TableName": "voucher_selector"}


def call(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    return st.tuples(st.just(name), st.fixed_dictionaries(fields))


@st.composite
def inputs(draw: st.DrawFn) -> dict[str, Any]:
    return {"Values": draw(partitions), "StorageDescriptor": {"Location": draw(locations)}}


CALLS: st.SearchStrategy[Call] = st.one_of(
    st.tuples(
        st.just("transact_write_items"),
        st.lists(writes, min_size=1, max_size=4).map(lambda found: {"TransactItems": found}),
    ),
    st.tuples(st.just("update_item"), st.one_of(updates(), removals())),
    call("get_item", TableName=st.just(SOURCES), Key=keys.map(lambda key: {"source": {"S": key}})),
    call("get_item", TableName=st.just(SEGMENTS), Key=cells.map(item_key)),
    call("put_object", Bucket=buckets, Key=keys, Body=etags.map(str.encode)),
    call("delete_object", Bucket=buckets, Key=keys),
    call(
        "delete_objects",
        Bucket=st.just(RESULTS),
        Delete=st.lists(keys, min_size=1, unique=True).map(
            lambda found: {"Objects": [{"Key": k} for k in found]}
        ),
    ),
    call("head_object", Bucket=buckets, Key=keys),
    call("head_object", Bucket=buckets, Key=keys, IfMatch=etags),
    call("head_object", Bucket=st.just(UPLOADS), Key=keys, VersionId=st.sampled_from(["v1", "v2"])),
    call("get_object", Bucket=buckets, Key=keys, IfMatch=etags, Range=st.just("bytes=0-0")),
    call("get_object", Bucket=buckets, Key=keys),
    call("list_objects_v2", Bucket=buckets, Prefix=st.sampled_from(["", "vouchers/", "vouchers/a"])),
    call("list_objects_v2", Bucket=buckets, Prefix=st.just("vouchers/"), Delimiter=st.just("/")),
    st.tuples(
        st.just("batch_create_partition"), inputs().map(lambda found: TABLE | {"PartitionInputList": [found]})
    ),
    st.tuples(
        st.just("batch_update_partition"),
        inputs().map(
            lambda found: (
                TABLE | {"Entries": [{"PartitionValueList": found["Values"], "PartitionInput": found}]}
            )
        ),
    ),
    st.tuples(
        st.just("delete_partition"), partitions.map(lambda values: TABLE | {"PartitionValues": values})
    ),
    st.tuples(st.just("get_partitions"), keys.map(lambda key: TABLE | {"Expression": f"source = '{key}'"})),
)


class Emulator:
    """The emulator, called with the names and version ids of the model."""

    def __init__(self, harness: StackHarness) -> None:
        self._clients = (harness.dynamodb, harness.s3, harness.glue)
        self._names = {SOURCES: harness.sources, SEGMENTS: harness.segments, DATABASE: harness.database}
        self._names |= {UPLOADS: harness.uploads, RESULTS: harness.results}
        self._ids: dict[str, str] = {}

    def call(self, name: str, request: dict[str, Any]) -> Any:
        client = next(client for client in self._clients if hasattr(client, name))
        key, version = request.get("Key"), request.get("VersionId")
        renamed = self._rename(request)
        if version:
            renamed["VersionId"] = self._ids.get(f"{key} {version}", "0" * 32)
        answer = getattr(client, name)(**renamed)
        if name == "get_partitions":  # the emulator ignores the expression, and the product looks at each
            wanted = request["Expression"].split("'")[1]
            answer["Partitions"] = [p for p in answer["Partitions"] if p["Values"][0] == wanted]
        if new := answer.get("VersionId"):
            number = sum(known.startswith(f"{key} ") for known in self._ids) + 1
            self._ids.setdefault(self._known(new) or f"{key} v{number}", new)
            answer["VersionId"] = (self._known(new) or "").rpartition(" ")[2]
        return answer

    def _known(self, id_: str) -> str | None:
        return next((name for name, known in self._ids.items() if known == id_), None)

    def _rename(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._rename(content) for name, content in value.items()}
        if isinstance(value, list):
            return [self._rename(content) for content in value]
        return self._names.get(value, value) if isinstance(value, str) else value


def outcome(answer: Any) -> Any:
    """Return what the ingest reads from an answer."""
    if isinstance(answer, ClientError):
        reasons: Any = answer.response.get("CancellationReasons", [])
        return answer.response["Error"]["Code"], [reason["Code"] for reason in reasons]
    kept = {name: answer[name] for name in ("Item", "ContentLength", "ETag", "VersionId") if name in answer}
    if "Item" in kept:
        sets = {name: {"SS": sorted(v["SS"])} if "SS" in v else v for name, v in kept["Item"].items()}
        kept["Item"] = sets
    if "Body" in answer:
        kept |= {"Body": answer["Body"].read(), "VersionId": None, "ContentLength": None}
    kept["Contents"] = [(found["Key"], found["Size"], found["ETag"]) for found in answer.get("Contents", [])]
    kept["folders"] = [found["Prefix"] for found in answer.get("CommonPrefixes", [])]
    kept["Errors"] = [error["ErrorDetail"]["ErrorCode"] for error in answer.get("Errors", [])]
    kept["Partitions"] = sorted(
        (found["Values"], found["StorageDescriptor"]["Location"]) for found in answer.get("Partitions", [])
    )
    return kept


def attempt(function: Any, *arguments: Any) -> Any:
    try:
        return outcome(function(*arguments))
    except ClientError as error:
        # The emulator does not say that a partition to delete does not exist; the product does not mind.
        return outcome({} if error.operation_name == "DeletePartition" else error)


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with emulated():
        yield


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # an example has few calls, and to shrink it takes minutes
)
@given(calls=st.lists(CALLS, min_size=30, max_size=80))
def test_the_model_answers_any_calls_as_the_emulator_does(calls: list[Call]) -> None:
    model = Model(frozenset({UPLOADS}))
    with new_harness(keeps_rows=True) as harness:
        columns = {"StorageDescriptor": {"Columns": []}, "Name": "voucher_selector"}
        keys_ = [{"Name": name, "Type": "string"} for name in ("source", "country")]
        harness.glue.create_table(
            DatabaseName=harness.database, TableInput={**columns, "PartitionKeys": keys_}
        )
        real = Emulator(harness)
        for name, request in calls:
            mine = attempt(getattr(model, name), request)
            assert mine == attempt(real.call, name, request), f"{name} {request}"


def test_a_transaction_has_at_most_a_hundred_items_and_each_once() -> None:
    def adds(count: int, name: str = "{}") -> Call:
        cells_ = [Cell("peru", name.format(number)) for number in range(count)]
        updates_ = [{"Update": add_update(SEGMENTS, cell, {"1": 1}, "t")} for cell in cells_]
        return "transact_write_items", {"TransactItems": updates_}

    with new_harness() as harness:
        for name, request in (adds(MAX_ITEMS), adds(MAX_ITEMS + 1), adds(2, "same")):
            mine = attempt(getattr(Model(), name), request)
            assert mine == attempt(Emulator(harness).call, name, request)

"""A model of DynamoDB, S3 and Glue in memory: the operations that the ingest uses, each of them atomic."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from ingest.row_outputs.segmented_rows import athena_types
from vouchers.dynamodb.segments_table import UPDATED_AT
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Item = dict[str, Any]
Place = tuple[Any, ...]
Request = dict[str, Any]

START = datetime(2026, 11, 22, tzinfo=UTC)
"""The time at which a model begins."""

MAX_ITEMS = 100
"""Items of a transaction."""

TABLES = {"voucher_sources": ("source",), "voucher_segments": ("country", "cell")}
"""The key attributes of each table."""

COLUMNS = [{"Name": name, "Type": type_} for name, type_ in athena_types(load_definitions()).items()]
"""The columns of the Glue table, which exists from the start."""


class ConditionalCheckFailedException(ClientError):  # noqa: N818 - AWS's name
    """The condition of a write does not hold."""


class EntityNotFoundException(ClientError):  # noqa: N818 - AWS's name
    """Glue has no such table or partition."""


class Version(NamedTuple):
    """A version of an object; a delete marker has no body. Without versioning, the id is None."""

    id: str | None
    body: bytes | None
    modified: datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body or b"", usedforsecurity=False).hexdigest()}"'


class Body(NamedTuple):
    """The body of S3's answer."""

    content: bytes

    def read(self) -> bytes:
        return self.content


class Model:
    """The stores. Values are never changed, only replaced, so that a copy of the model is a copy of one dict.

    Attributes:
        values: items by ("item", table, key…), versions of objects by ("object", bucket, key), locations of
            partitions by ("partition", database, table, source, country).
        hashes: of the values, by place.
        digest: a hash of all values, without the times of changes of cells, which the ingest never reads.
        versioned: the names of the buckets with versions.
        unlisted: the names of the buckets that the ingest may not list. S3 does not tell it there whether an
            object is absent or forbidden.
        watch: called with the model and the place of each value that has changed.
        ticks: how often the time has changed.
    """

    def __init__(
        self,
        versioned: frozenset[str] = frozenset(),
        unlisted: frozenset[str] = frozenset(),
        watch: Callable[[Model, Place], None] = lambda *_: None,
    ) -> None:
        self.versioned, self.unlisted, self.watch = versioned, unlisted, watch
        self.values: dict[Place, Any] = {}
        self.hashes: dict[Place, int] = {}
        self.digest = self.ticks = 0

    def copy(self) -> Model:
        model = Model(self.versioned, self.unlisted, self.watch)
        model.values, model.hashes = self.values.copy(), self.hashes.copy()
        model.digest, model.ticks = self.digest, self.ticks
        return model

    def tick(self) -> datetime:
        """Let a second pass; return the time."""
        self.ticks += 1
        return self.now

    @property
    def now(self) -> datetime:
        """The time."""
        return START + timedelta(seconds=self.ticks)

    def set(self, place: Place, value: Any) -> None:
        """Replace the value at a place; None removes it."""
        self.digest ^= self.hashes.pop(place, 0)
        if value is None:
            self.values.pop(place, None)
        else:
            self.values[place] = value
            self.hashes[place] = hash((place, fingerprint(value)))
            self.digest ^= self.hashes[place]
        self.watch(self, place)

    def under(self, *place: str) -> Iterator[tuple[Place, Any]]:
        """Yield the values whose places begin with ``place``, in the order of their places."""
        found = [key for key in self.values if key[: len(place)] == place]
        return ((key, self.values[key]) for key in sorted(found))

    # DynamoDB

    def get_item(self, request: Request) -> dict[str, Any]:
        item = self.values.get(item_place(request["TableName"], request["Key"]))
        return {"Item": item} if item else {}

    def scan(self, request: Request) -> dict[str, Any]:
        """Return a page of one item."""
        last = request.get("ExclusiveStartKey", ())
        items = [found for found in self.under("item", request["TableName"]) if found[0] > last]
        page: dict[str, Any] = {"Items": [item for _, item in items[:1]]}
        return page | ({"LastEvaluatedKey": items[0][0]} if len(items) > 1 else {})

    def update_item(self, request: Request) -> dict[str, Any]:
        place, item = self._updated(request)
        if item is None:
            code = "ConditionalCheckFailedException"
            raise ConditionalCheckFailedException(response(code), "UpdateItem")
        self.set(place, item)
        return {}

    def transact_write_items(self, request: Request) -> dict[str, Any]:
        writes = [self._updated(write) for entry in request["TransactItems"] for write in entry.values()]
        if len(writes) > MAX_ITEMS or len({place for place, _ in writes}) < len(writes):
            raise ClientError(response("ValidationException"), "TransactWriteItems")
        if any(item is None for _, item in writes):
            raise canceled(*("None" if item else "ConditionalCheckFailed" for _, item in writes))
        for place, item in writes:
            self.set(place, item)
        return {}

    def _updated(self, write: Request) -> tuple[Place, Item | None]:
        """Return the place of a write, and the item that it leaves; None if its condition does not hold."""
        table = write["TableName"]
        place = item_place(table, write.get("Item") or write["Key"])
        old = self.values.get(place, {})
        names = write.get("ExpressionAttributeNames", {})
        values = write.get("ExpressionAttributeValues", {})
        if not holds(write.get("ConditionExpression", ""), names, values, old):
            return place, None
        if "Item" in write:
            return place, write["Item"]
        return place, updated(write["UpdateExpression"], names, values, old or write["Key"])

    # S3

    def put_object(self, request: Request) -> dict[str, Any]:
        body = request["Body"]
        version = self._new_version(request, body if isinstance(body, bytes) else body.read())
        return {"ETag": version.etag} | ({"VersionId": version.id} if version.id else {})

    def delete_object(self, request: Request) -> dict[str, Any]:
        if request["Bucket"] not in self.versioned:
            self.set(object_place(request), None)
            return {}
        return {"DeleteMarker": True, "VersionId": self._new_version(request, None).id}

    def _new_version(self, request: Request, body: bytes | None) -> Version:
        place, keeps = object_place(request), request["Bucket"] in self.versioned
        old = self.values.get(place, ()) if keeps else ()
        version = Version(f"v{len(old) + 1}" if keeps else None, body, self.now)
        self.set(place, (*old, version))
        return version

    def delete_objects(self, request: Request) -> dict[str, Any]:
        for entry in request["Delete"]["Objects"]:
            self.delete_object({"Bucket": request["Bucket"], "Key": entry["Key"]})
        return {}

    def head_object(self, request: Request) -> dict[str, Any]:
        version = self._find(request, "404", "412")
        described = {"ContentLength": len(version.body or b""), "ETag": version.etag, "Metadata": {}}
        described |= {"LastModified": version.modified}
        return described | ({"VersionId": version.id} if version.id else {})

    def get_object(self, request: Request) -> dict[str, Any]:
        version = self._find(request, "NoSuchKey", "PreconditionFailed")
        start, end = re.findall(r"\d+", request.get("Range", f"0-{len(version.body or b'')}"))
        return {"Body": Body((version.body or b"")[int(start) : int(end) + 1]), "ETag": version.etag}

    def _find(self, request: Request, missing: str, other: str) -> Version:
        versions = self.values.get(object_place(request), ())
        id_ = request.get("VersionId")
        found: Version | None = next((v for v in reversed(versions) if id_ in {None, v.id}), None)
        if found is None or found.body is None:
            missing = "AccessDenied" if request["Bucket"] in self.unlisted else missing
            raise ClientError(response("405" if found and id_ else missing), "GetObject")
        if request.get("IfMatch", found.etag).strip('"') != found.etag.strip('"'):
            raise ClientError(response(other), "HeadObject")
        return found

    def list_objects_v2(self, request: Request) -> dict[str, Any]:
        prefix, contents = request.get("Prefix", ""), []
        folders: dict[str, None] = {}
        for (_, _, key), versions in self.under("object", request["Bucket"]):
            current = versions[-1]
            if current.body is None or not key.startswith(prefix):
                continue
            folder, slash, _ = key[len(prefix) :].partition(request.get("Delimiter", "\0"))
            if slash:
                folders[prefix + folder + slash] = None
                continue
            entry = {"Key": key, "Size": len(current.body), "ETag": current.etag}
            contents.append(entry | {"LastModified": current.modified})
        page: dict[str, Any] = {"Contents": contents} if contents else {}
        return page | ({"CommonPrefixes": [{"Prefix": name} for name in folders]} if folders else {})

    # EventBridge

    def put_events(self, request: Request) -> dict[str, Any]:
        for entry in request["Entries"]:
            detail = json.loads(entry["Detail"])
            self.set(("published", *(detail[name] for name in ("key", "status", "committed_at"))), entry)
        return {"FailedEntryCount": 0}

    # Glue

    def get_table(self, _: Request) -> dict[str, Any]:
        return {"Table": {"StorageDescriptor": {"Columns": COLUMNS}}}

    def get_partitions(self, request: Request) -> dict[str, Any]:
        wanted = request["Expression"].partition("= ")[2].strip("'")
        found = self.under("partition", request["DatabaseName"], request["TableName"], wanted)
        return {
            "Partitions": [
                {"Values": list(place[3:]), "StorageDescriptor": {"Location": url}} for place, url in found
            ]
        }

    def batch_create_partition(self, request: Request) -> dict[str, Any]:
        inputs = {partition_place(request, i["Values"]): i for i in request["PartitionInputList"]}
        return self._point(inputs, "AlreadyExistsException", exist=False)

    def batch_update_partition(self, request: Request) -> dict[str, Any]:
        inputs = {partition_place(request, e["PartitionValueList"]): e for e in request["Entries"]}
        return self._point(
            {place: entry["PartitionInput"] for place, entry in inputs.items()},
            "EntityNotFoundException",
            exist=True,
        )

    def _point(self, inputs: Mapping[Place, Request], code: str, *, exist: bool) -> dict[str, Any]:
        errors = []
        for place, input_ in inputs.items():
            if (place in self.values) == exist:
                self.set(place, input_["StorageDescriptor"]["Location"])
            else:
                detail = {"ErrorCode": code}
                errors.append({"PartitionValues": input_["Values"], "ErrorDetail": detail})
        return {"Errors": errors} if errors else {}

    def delete_partition(self, request: Request) -> dict[str, Any]:
        place = partition_place(request, request["PartitionValues"])
        if place not in self.values:
            raise EntityNotFoundException(response("EntityNotFoundException"), "DeletePartition")
        self.set(place, None)
        return {}


def response(code: str, *reasons: str) -> Any:
    """Return the response of an error, and of the writes of a transaction that were its reasons."""
    error: dict[str, Any] = {"Error": {"Code": code, "Message": code}}
    return error | ({"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else {})


def canceled(*reasons: str) -> ClientError:
    """Return the error of a canceled transaction."""
    return ClientError(response("TransactionCanceledException", *reasons), "TransactWriteItems")


def item_place(table: str, item: Mapping[str, Any]) -> Place:
    return ("item", table, *(item[name]["S"] for name in TABLES[table]))


def object_place(request: Request) -> Place:
    return ("object", request["Bucket"], request["Key"])


def partition_place(request: Request, values: list[str]) -> Place:
    return ("partition", request["DatabaseName"], request["TableName"], *values)


def fingerprint(value: Any) -> Any:
    """Return a hashable value that is equal for equal values and errors."""
    if isinstance(value, dict):
        return frozenset((name, repr(content)) for name, content in value.items() if name != UPDATED_AT)
    if isinstance(value, Exception):
        return repr((value, getattr(value, "response", None)))
    return value


@cache
def parse_condition(expression: str) -> list[list[tuple[str, str]]]:
    """Return a condition as terms that must all hold; a term is alternatives of (name, value or "")."""
    terms = []
    for term in filter(None, re.split(r" AND ", expression)):
        alternatives = re.findall(r"attribute_not_exists\((#\w+)\)|(#\w+) ?= ?(:\w+)", term)
        terms.append([(absent or name, value) for absent, name, value in alternatives])
    return terms


@cache
def parse_update(expression: str) -> list[tuple[str, str, str]]:
    """Return an update's (clause, name, value or "")."""
    parts = re.split(r"\b(SET|ADD|REMOVE|DELETE) ", expression)[1:]
    return [
        (clause, name, value)
        for clause, terms in zip(parts[::2], parts[1::2], strict=True)
        for name, value in re.findall(r"(#\w+)(?: ?= ?| )?(:\w+)?", terms)
    ]


def holds(expression: str, names: Mapping[str, str], values: Mapping[str, Any], item: Item) -> bool:
    """Return whether a condition holds for an item."""
    return all(
        any(item.get(names[name]) == (values[value] if value else None) for name, value in alternatives)
        for alternatives in parse_condition(expression)
    )


def updated(expression: str, names: Mapping[str, str], values: Mapping[str, Any], item: Item) -> Item:
    """Return an item after an update."""
    item = dict(item)
    for clause, name, value in parse_update(expression):
        attribute = names[name]
        old = item.pop(attribute, None)
        if clause == "SET":
            item[attribute] = values[value]
        elif clause == "ADD" and "N" in values[value]:
            item[attribute] = {"N": str(int((old or {"N": "0"})["N"]) + int(values[value]["N"]))}
        elif clause == "ADD":
            item[attribute] = {"SS": sorted({*(old or {"SS": ()})["SS"], *values[value]["SS"]})}
        elif clause == "DELETE" and (rest := {*(old or {"SS": ()})["SS"]} - {*values[value]["SS"]}):
            item[attribute] = {"SS": sorted(rest)}
    return item

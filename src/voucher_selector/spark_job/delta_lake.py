"""Read the current version of a Delta Lake table with deltalake, from copies of its log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.parquet.column_names import TableColumns
from ingest.storage.tables import LOG, VECTOR
from voucher_selector.spark_job.table_version import TableFile, TableFolder, TableVersion

if TYPE_CHECKING:
    from deltalake import DeltaTable

CHECKPOINT = f"{LOG}_last_checkpoint"
IN_LOG = re.compile(rf"{LOG}(?:(\d{{20}})\.[\w.-]+|_sidecars/[\w-][\w.-]*)")

VECTORS = "deletionVectors"
FEATURES = {
    "columnMapping",
    VECTORS,
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "variantType",
    "variantType-preview",
}
"""Reader features that this module supports."""

PARTITION = "partition."


def read_delta(folder: TableFolder) -> TableVersion:
    """Return the current version of a table.

    Raises:
        FileError: if it cannot be read.
        SupersededError: if an object of the log was deleted meanwhile.
        botocore.exceptions.ClientError: if S3 refuses.
        ModuleNotFoundError: if deltalake is not installed.
    """
    from deltalake import DeltaTable  # noqa: PLC0415 - only tables need it
    from deltalake.exceptions import DeltaError  # noqa: PLC0415 - only tables need it

    objects = folder.read_all(current_log(folder) | {name for name in folder.names if VECTOR.fullmatch(name)})
    with TemporaryDirectory() as place:
        for name, body in objects.items():
            copy = Path(place, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(body)
        try:
            files = dict(data_files(DeltaTable(place), folder, place))
        except (DeltaError, pa.ArrowException, OSError, ValueError) as error:
            raise folder.error(str(error).replace(f"{place}/", "")) from None
    return TableVersion(files, last_change(folder, objects))


def current_log(folder: TableFolder) -> set[str]:
    """Return the names of the log's objects from the last checkpoint on."""
    found = {name: match[1] for name in folder.names if (match := IN_LOG.fullmatch(name))}
    first = ""
    if CHECKPOINT in folder.names:
        try:
            first = f"{json.loads(folder.read(CHECKPOINT))['version']:020d}"
        except (KeyError, TypeError, ValueError):
            raise folder.error(f"{CHECKPOINT} is broken") from None
        found[CHECKPOINT] = None
    return {name for name, version in found.items() if version is None or version >= first}


def data_files(table: DeltaTable, folder: TableFolder, place: str) -> Iterable[tuple[str, TableFile]]:
    """Yield the data files of a table by key.

    Args:
        table: of the copies.
        folder: of the table.
        place: the folder of the copies.

    Raises:
        FileError: if they cannot be counted.
        deltalake.exceptions.DeltaError: if the log cannot be read.
    """
    features = set(table.protocol().reader_features or ())
    if unknown := features - FEATURES:
        raise folder.error(f"it has the feature {', '.join(sorted(unknown))}, which is not supported")
    fields = json.loads(table.schema().to_json())["fields"]
    mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    by_id = (
        {field["metadata"]["delta.columnMapping.id"]: field["name"] for field in fields}
        if mode == "id"
        else {}
    )
    physical = "delta.columnMapping.physicalName"
    by_name = {
        field["metadata"][physical] if mode == "name" else field["name"]: field["name"] for field in fields
    }
    actions = pa.table(table.get_add_actions(flatten=True))
    values = {
        name.removeprefix(PARTITION): actions.column(name).cast(pa.string()).to_pylist()
        for name in actions.column_names
        if name.startswith(PARTITION)
    }
    # deltalake refuses to look for deletion vectors in tables with some of the other features.
    deleted = dict(deleted_rows(table, place)) if VECTORS in features else {}
    shared = dict.fromkeys(field["name"] for field in fields)
    for place_, path in enumerate(actions.column("path").to_pylist()):
        if path.startswith("/") or "://" in path:
            raise folder.error(f"its file '{path}' is outside the table's folder, as in a shallow clone")
        own = {name: column[place_] for name, column in values.items()}
        columns = TableColumns(by_id, by_name, {**shared, **own} if own else shared)
        name = unquote(path)
        yield folder.root + name, TableFile(columns, deleted.pop(name, None))
    if deleted:
        raise folder.error(f"its deletion vectors belong to no file: {', '.join(sorted(deleted))}")


def deleted_rows(table: DeltaTable, place: str) -> Iterable[tuple[str, NDArray[np.int64]]]:
    """Yield the numbers of the deleted rows by name of the file, for files that have some."""
    for batch in pa.table(table.deletion_vectors()).to_batches():
        for uri, kept in zip(batch.column("filepath"), batch.column("selection_vector"), strict=True):
            name = unquote(uri.as_py().removeprefix(Path(place).resolve().as_uri())).lstrip("/")
            yield name, np.flatnonzero(~kept.values.to_numpy(zero_copy_only=False)).astype(np.int64)


def last_change(folder: TableFolder, objects: dict[str, bytes]) -> datetime | None:
    """Return the time of the newest commit in the log that changed rows; None if no commit records it."""
    commits = sorted(
        (name for name in folder.names if re.fullmatch(rf"{LOG}\d{{20}}\.json", name)), reverse=True
    )
    for name in commits:
        lines = (objects.get(name) or folder.read(name)).splitlines()
        actions: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
        times = [action["commitInfo"].get("timestamp") for action in actions if "commitInfo" in action]
        files = [action[kind] for action in actions for kind in ("add", "remove") if kind in action]
        if any(file.get("dataChange", True) for file in files) and times and times[0]:
            return datetime.fromtimestamp(times[0] / 1000, UTC)
    return None

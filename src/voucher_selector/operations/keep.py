"""Keep the uploaded objects of the local stack from one run to the next."""

import json
import shutil
from pathlib import Path

from ingest.counting.as_of import AS_OF_METADATA
from voucher_selector.errors import CommandError
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.upload import DATASETS
from voucher_selector.stack import Deployed

INDEX = "objects.json"
"""The keys and metadata of the kept objects; the files are numbered: a key need not be a file name."""


def save_objects(stack: Deployed, folder: Path) -> int:
    """Replace the kept objects by copies of those in the bucket; return how many there are.

    A source keeps its as-of date, which may be the time of its upload.
    """
    s3, bucket, table = stack.s3(), stack.outputs["UploadsBucket"], stack.sources_table()
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATASETS)
    keys = [*list_objects(stack), *(e["Key"] for page in pages for e in page.get("Contents", []))]
    kept = []
    for number, key in enumerate(keys):
        metadata = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
        state = table.load(key).state
        if state and state.as_of:
            metadata[AS_OF_METADATA] = state.as_of
        s3.download_file(bucket, key, str(new / str(number)))
        kept.append({"key": key, "metadata": metadata})
    (new / INDEX).write_text(json.dumps(kept))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return len(kept)


def restore_objects(stack: Deployed, folder: Path) -> list[str] | None:
    """Upload the kept objects again, and return their keys; None if nothing was ever kept.

    Raises:
        CommandError: if the kept objects cannot be read.
    """
    if not (folder / INDEX).exists():
        return None
    try:
        kept = [(entry["key"], entry["metadata"]) for entry in json.loads((folder / INDEX).read_text())]
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"The kept data cannot be read. Delete the folder {folder}") from None
    s3, bucket = stack.s3(), stack.outputs["UploadsBucket"]
    for number, (key, metadata) in enumerate(kept):
        s3.upload_file(str(folder / str(number)), bucket, key, ExtraArgs={"Metadata": metadata})
    return [key for key, _ in kept]

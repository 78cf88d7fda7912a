"""Delete objects of the uploads bucket, and wait until their counts are removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.upload import MAX_SECONDS, find_current, look_until_known, object_key
from voucher_selector.stack import Deployed, log_place

MAX_KEYS_PER_CALL = 1_000


def find_keys(stack: Deployed, names: Iterable[str]) -> list[str]:
    """Return the keys of the objects that names stand for; one that ends in a slash stands for a folder.

    Raises:
        CommandError: if there is no such object.
    """
    s3, bucket = stack.s3(), stack.outputs["UploadsBucket"]
    found: dict[str, None] = {}
    for key in map(object_key, names):
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

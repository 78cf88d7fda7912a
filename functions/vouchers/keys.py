"""Keys of the uploads bucket: which objects are files of voucher uses."""

PREFIX = "vouchers/"
"""Prefix of the keys of uploads, unless the stack sets another one."""

MAX_KEY_BYTES = 1024
"""Bytes of an object key in S3."""


def is_key(text: str) -> bool:
    """Return whether ``text`` can be the key of an object in S3."""
    try:
        return 0 < len(text.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def is_upload(key: str, prefix: str = PREFIX) -> bool:
    """Return whether an object of the uploads bucket is a file of uses, by its key."""
    return key.startswith(prefix) and not is_marker(key.removeprefix(prefix))


def is_marker(name: str) -> bool:
    """Return whether an object is a marker or a temporary file of Spark, Hive or Hadoop.

    These, and Athena, leave out names and folders that begin with ``_`` or ``.``, except partitions such as
    ``_day=1``. Hadoop marks folders with empty objects whose names end in ``_$folder$``.

    Args:
        name: the key of the object without the prefix.
    """
    segments = name.split("/")
    hidden = any(segment.startswith(("_", ".")) and "=" not in segment for segment in segments)
    return hidden or name.endswith("_$folder$")

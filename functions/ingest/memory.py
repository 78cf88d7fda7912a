"""The function's memory as a limit that the process keeps to by itself."""

from __future__ import annotations

import os
import resource
from functools import cache

USABLE = 0.9
"""The part of the function's memory that data may take; code and stacks are in the rest."""


@cache
def limit_memory() -> None:
    """Let an allocation that does not fit in the function's memory fail, once for the life of the process.

    What a file makes Arrow allocate cannot always be told beforehand. Where it is too much, a ``MemoryError``
    becomes a sentence about the file; without the limit Lambda would end the process, and say nothing of it.
    """
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    if megabytes:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(int(megabytes) * USABLE) << 20, most))

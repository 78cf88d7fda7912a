"""Call a handler repeatedly in this process. Arguments: the handler, and the number of calls.

Prints the seconds of each call as JSON, and discards the output of the handler.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from time import perf_counter
from types import SimpleNamespace

from benchmarks.serving.variants import event

WARM_UP = 200


def main(handler: str, calls: str) -> None:
    """Call the handler, and print the seconds."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module, _, name = handler.rpartition(".")
    call = getattr(import_module(module), name)
    asked, context = event(), SimpleNamespace(aws_request_id="0a1b2c3d")
    seconds = []
    for _ in range(WARM_UP + int(calls)):
        start = perf_counter()
        answer = call(asked, context)
        seconds.append(perf_counter() - start)
        if answer["statusCode"] != 200:  # noqa: PLR2004 - 200 is HTTP's OK
            raise SystemExit(str(answer))
    json.dump(seconds[WARM_UP:], out)


if __name__ == "__main__":
    main(*sys.argv[1:])

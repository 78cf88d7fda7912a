"""One start of a function, or of its baseline, in Lambda's Python.

Arguments: the name of the start, and ``watch`` to report compiled modules. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path


def api() -> None:
    """Start the API function until it can answer."""
    import_module("api.handler")
    import_module("api.dependencies").segments_table()


def ingest() -> None:
    """Start the ingest function until it can be called."""
    import_module("ingest.handler")


def client() -> None:
    """Start the API function's baseline: boto3 and a DynamoDB client."""
    import_module("boto3").client("dynamodb")


def arrow() -> None:
    """Start the ingest function's baseline: boto3, numpy and pyarrow's Parquet reader."""
    for name in ("boto3", "numpy", "pyarrow.parquet"):
        import_module(name)


STARTS = {start.__name__: start for start in (api, ingest, client, arrow)}


def main(name: str, *options: str) -> None:
    """Start, and print the seconds, the compiled files, the bytes of bytecode and the loaded modules."""
    compiled: list[str] = []

    def watch(event: str, details: tuple[object, ...]) -> None:
        if event == "compile":
            compiled.append(str(details[1]))

    if "watch" in options:
        sys.addaudithook(watch)
    clock, used = time.perf_counter(), time.process_time()
    STARTS[name]()
    seconds, cpu = time.perf_counter() - clock, time.process_time() - used
    took = {"seconds": seconds, "cpu": cpu, "compiled": [path for path in compiled if path.endswith(".py")]}
    sys.stdout.write(json.dumps(took | {"bytecode": _bytecode(), "modules": sorted(sys.modules)}))


def _bytecode() -> int:
    specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
    files = {Path(spec.cached) for spec in specs if spec is not None and spec.cached}
    return sum(file.stat().st_size for file in files if file.exists())


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Lambda's runtime client on this machine, and a stand-in for the Runtime API, which sends it events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from queue import Queue
from time import perf_counter, time
from typing import TYPE_CHECKING

from benchmarks.serving.dynamodb import Quick, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SECONDS = 60


@contextmanager
def runtime_client(handler: str, environment: Mapping[str, str]) -> Iterator[Callable[[bytes], float]]:
    """Run a handler under the runtime client; yield a function from an event to its seconds."""
    events: Queue[bytes] = Queue()
    answers: Queue[tuple[float, bytes]] = Queue()
    given: list[float] = [0.0]

    class RuntimeApi(Quick):
        def do_GET(self) -> None:  # noqa: N802 - as http.server names it
            event = events.get()
            given[0] = perf_counter()
            self.answer(200, event, **_about_the_invocation())

        def do_POST(self) -> None:  # noqa: N802 - as above
            answers.put((perf_counter() - given[0], self.read()))
            self.answer(202, b"")

    def call(event: bytes) -> float:
        events.put(event)
        seconds, answer = answers.get(timeout=SECONDS)
        if json.loads(answer).get("statusCode") != 200:  # noqa: PLR2004 - 200 is HTTP's OK
            raise RuntimeError(answer.decode())
        return seconds

    with (
        serving(RuntimeApi) as address,
        _process(handler, {**environment, "AWS_LAMBDA_RUNTIME_API": address}),
    ):
        yield call


@contextmanager
def _process(handler: str, environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603 - this interpreter, a module of its environment
        [sys.executable, "-m", "awslambdaric", handler],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _about_the_invocation() -> dict[str, str]:
    return {
        "Lambda_Runtime_Aws_Request_Id": "0a1b2c3d-0000-4000-8000-1234567890ab",
        "Lambda_Runtime_Deadline_Ms": str(int(1000 * (time() + SECONDS))),
        "Lambda_Runtime_Invoked_Function_Arn": "arn:aws:lambda:us-east-1:000000000000:function:api",
        "Content_Type": "application/json",
    }

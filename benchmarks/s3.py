"""An S3 server on this machine, which serves the subfolders of a folder as buckets, and a client."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from botocore.session import get_session

from voucher_selector.local_stack.ports import free_port, is_in_use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client

KEY, SECRET = "benchmark", "benchmark-secret"
SECONDS = 20

DELAY = "BENCHMARK_DELAY"
"""The environment variable with the latency of requests in seconds."""


@contextmanager
def serving(folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve a folder; yield the environment variables for its clients.

    Raises:
        SystemExit: if the server does not start.
    """
    port = free_port()
    address = f"127.0.0.1:{port}"
    rclone = Path(sys.executable).with_name("rclone")
    command = [str(rclone), "serve", "s3", str(folder), "--addr", address, "--auth-key", f"{KEY},{SECRET}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:  # noqa: S603 - rclone of this environment
        try:
            _wait_for(port)
            yield {
                "AWS_ENDPOINT_URL": f"http://{address}",
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        finally:
            server.terminate()


def client() -> S3Client:
    """Return a client of the server that the environment names."""
    return delayed(cast("S3Client", get_session().create_client("s3")))


def delayed(s3: S3Client) -> S3Client:
    """Delay each request of a client by the latency in the environment, as on a network."""
    seconds = float(os.environ.get(DELAY, "0"))
    s3.meta.events.register("before-send.s3", lambda **_: time.sleep(seconds))
    return s3


def _wait_for(port: int) -> None:
    end = time.monotonic() + SECONDS
    while not is_in_use(port):
        if time.monotonic() > end:
            raise SystemExit("the S3 server did not start")
        time.sleep(0.05)

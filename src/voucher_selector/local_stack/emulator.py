"""The emulator of AWS: a process of its own, on loopback, with files of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

from voucher_selector.local_stack.errors import StackError
from voucher_selector.local_stack.ports import require_free

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "us-east-1"
LOGS = Path(__file__).parents[3] / ".stack"
SUPERVISOR = Path(__file__).with_name("supervisor.py")
SECONDS_TO_START = 60.0

# The functions run inside the emulator: nothing of the caller's AWS set-up or import path may reach them.
PRIVATE = ("AWS_", "PYTHON", "POWERTOOLS_")


@contextmanager
def emulator(port: int, *, enforce_iam: bool = False) -> Iterator[str]:
    """Run the emulator at ``port`` while the block runs; yield its endpoint's URL.

    Args:
        port: where it listens, on loopback alone.
        enforce_iam: whether signatures are checked and the roles' policies hold; if not, any credentials do.

    Raises:
        StackError: the port is in use, or the emulator does not come up.
    """
    require_free(port, "AWS_PORT")
    LOGS.mkdir(exist_ok=True)
    log = log_file(port)
    process = _start(_environment(port, enforce_iam=enforce_iam), log)
    try:
        _wait_until_ready(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.communicate()


def log_file(port: int) -> Path:
    """Return the file that the emulator at ``port`` logs to, with all that the functions in it say."""
    return LOGS / f"{port}.log"


def short(path: Path) -> str:
    """Return a path as it is seen from this checkout."""
    return str(path.relative_to(LOGS.parent))


def _start(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - this interpreter, and a module of its environment
            [sys.executable, "-P", SUPERVISOR, sys.executable, "-P", "-m", "ministack"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def _environment(port: int, *, enforce_iam: bool) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    return inherited | {
        "AUTH": str(enforce_iam).lower(),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        # AWS waits a minute, then two, before it tries a failed event again.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
        "MINISTACK_REGION": REGION,
        "NO_PROXY": "127.0.0.1,localhost",
        # The emulator would tidy up containers before it serves, and wait for a daemon that hangs.
        "DOCKER_HOST": "unix:///nonexistent",
        "PYTHONUNBUFFERED": "1",
        # Both are relative to the temporary directory the emulator runs in.
        "S3_DATA_DIR": "s3",
        "STATE_DIR": "state",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _is_ready(port):
        if process.poll() is not None:
            raise StackError(f"The emulator of AWS ended while it started; its log is {short(log)}")
        if time.monotonic() > deadline:
            raise StackError(
                f"The emulator of AWS did not come up in {SECONDS_TO_START:.0f} s; its log is {short(log)}"
            )
        time.sleep(0.05)


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_ministack/ready")
        return connection.getresponse().status == 200  # noqa: PLR2004
    except OSError:
        return False
    finally:
        connection.close()

"""The AWS emulator, a process that listens on loopback and leaves no files."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from voucher_selector.errors import StackError
from voucher_selector.local_stack.ports import require_free

REGION = "us-east-1"
LOGS = Path(__file__).parents[3] / ".stack"
SUPERVISOR = Path(__file__).with_name("supervisor.py")
MAX_START_SECONDS = 60.0

# The functions run inside the emulator and must not see the caller's AWS or Python settings.
PRIVATE = ("AWS_", "PYTHON", "POWERTOOLS_")
SETTINGS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "BIND_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    # AWS waits one minute, then two, before it retries a failed event.
    "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
    "MINISTACK_REGION": REGION,
    "NO_PROXY": "127.0.0.1,localhost",
    # The emulator removes old containers when it starts, and would wait for a daemon that does not answer.
    "DOCKER_HOST": "unix:///nonexistent",
    "PYTHONUNBUFFERED": "1",
    # Both are relative to the temporary directory of the supervisor.
    "S3_DATA_DIR": "s3",
    "STATE_DIR": "state",
}


@contextmanager
def emulator(port: int, *, enforce_iam: bool = False) -> Iterator[str]:
    """Run the emulator on ``port`` of loopback while the block runs; yield its URL.

    With ``enforce_iam`` it checks signatures and the roles' policies; otherwise any credentials do.

    Raises:
        StackError: if the port is in use, or the emulator does not start.
    """
    require_free(port, "AWS_PORT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    environment |= SETTINGS | {"AUTH": str(enforce_iam).lower(), "GATEWAY_PORT": str(port)}
    process = start_supervised([sys.executable, "-P", "-m", "ministack"], log_file(port), environment)
    try:
        _wait_until_ready(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.communicate()


def start_supervised(
    command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a command that ends when its standard input is closed, or this process ends."""
    LOGS.mkdir(exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - this interpreter, and a command of its environment
            [sys.executable, "-P", SUPERVISOR, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def log_file(port: int) -> Path:
    """Return the log file of the emulator on ``port``, which has the functions' logs too."""
    return LOGS / f"{port}.log"


def short(path: Path) -> str:
    """Return a path relative to this checkout."""
    return str(path.relative_to(LOGS.parent))


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + MAX_START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/_ministack/ready")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    log = short(log_file(port))
    if process.poll() is None:
        raise StackError(f"The AWS emulator did not start in {MAX_START_SECONDS:.0f} s. See the log: {log}")
    raise StackError(f"The AWS emulator ended while it started. See the log: {log}")

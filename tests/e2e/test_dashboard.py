"""The command `dashboard` serves the page of a stack that requires IAM signatures."""

from __future__ import annotations

import os
import signal
import sys
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from voucher_selector.local_stack.ports import free_port

if TYPE_CHECKING:
    from voucher_selector.local_stack.stack import Stack

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "voucher_selector", "dashboard")


def started(**variables: str) -> Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "functions"), **variables}
    return Popen(COMMAND, cwd=ROOT, env=environment, stdout=PIPE, text=True)  # noqa: S603 - a command of this project


def status(port: int, path: str) -> int:
    connection = HTTPConnection("localhost", port, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().status


def test_the_page_and_its_requests_are_signed_until_an_interrupt(stack: Stack) -> None:
    port = free_port()
    command = started(AWS_ENDPOINT_URL=stack.endpoint, PORT=str(port))
    assert command.stdout
    message = [command.stdout.readline() for _ in range(4)]
    assert message[0].endswith(f" is at http://localhost:{port}/\n")
    assert message[1] == f"The API reference is at http://localhost:{port}/docs\n"
    assert message[3] == "ready\n"
    seen = {
        path: status(port, path)
        for path in ("/", "/static/page.js", "/v1/countries", "/docs", "/openapi.json")
    }
    assert set(seen.values()) == {HTTPStatus.OK}
    command.send_signal(signal.SIGTERM)
    assert command.wait(10) == 0


def test_for_the_local_stack_the_command_prints_the_url_of_its_page(stack: Stack) -> None:
    aws, port = urlsplit(stack.endpoint).port, urlsplit(stack.url).port
    command = started(AWS_ENDPOINT_URL="", AWS_PORT=str(aws), PORT=str(port))
    assert command.communicate(timeout=30)[0] == f"The page is at {stack.url}/\n"
    assert command.returncode == 0

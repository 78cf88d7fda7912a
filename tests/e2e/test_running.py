"""The embedded stack starts or reports why not, and leaves no processes or files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from voucher_selector.errors import StackError
from voucher_selector.local_stack import emulator as emulators
from voucher_selector.local_stack.deploy import TEMPLATE, deploy, session
from voucher_selector.local_stack.emulator import emulator
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.stack import running

if TYPE_CHECKING:
    from pathlib import Path

    from voucher_selector.local_stack.stack import Stack

pytestmark = pytest.mark.stack

OUTPUTS = {
    "UploadsBucket", "UploadsPrefix", "ResultsBucket", "SegmentsTable", "SourcesTable",
    "FailedEventsQueue", "ApiUrl", "IngestFunction", "ApiFunction",
}  # fmt: skip

# It calls the API before it says that it is up, so that a function's process is among what must go.
SCRIPT = """
import signal, sys, time, urllib.error, urllib.request
from pathlib import Path
from voucher_selector.local_stack.stack import running
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
with running(int(sys.argv[1]), int(sys.argv[2]), functions=Path(sys.argv[3])) as stack:
    try:
        urllib.request.urlopen(stack.url)
    except urllib.error.HTTPError as answer:
        print(answer.status, flush=True)
    time.sleep(60)
"""


def test_the_outputs_are_those_that_the_tools_read(probed: Stack) -> None:
    assert set(probed.outputs) == OUTPUTS


def test_the_names_that_sam_local_is_given_are_the_stacks(probed: Stack) -> None:
    names = json.loads((TEMPLATE.parent / "infra/local/names.json").read_text())["Parameters"]
    assert names == {
        "SEGMENTS_TABLE": probed.outputs["SegmentsTable"],
        "SOURCES_TABLE": probed.outputs["SourcesTable"],
        "UPLOADS_BUCKET": probed.outputs["UploadsBucket"],
        "RESULTS_BUCKET": probed.outputs["ResultsBucket"],
    }


def test_the_users_own_setup_of_aws_does_not_matter(probes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there is none")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    with running(free_port(), free_port(), functions=probes) as up:
        payload = '{"service": "s3", "operation": "list_buckets", "arguments": {}}'
        client = session().client("lambda", endpoint_url=up.endpoint)
        answer = client.invoke(FunctionName=up.outputs["ApiFunction"], Payload=payload)["Payload"].read()
    assert answer == b'"allowed"'


@pytest.mark.parametrize("taken", ["AWS_PORT", "PORT"])
def test_a_port_in_use_is_reported_in_one_sentence(taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        aws_port, api_port = (port, free_port()) if taken == "AWS_PORT" else (free_port(), port)
        with pytest.raises(StackError, match=rf"^Port {port} is in use\. .* {taken}=") as raised:
            running(aws_port, api_port).__enter__()
    assert "\n" not in str(raised.value)


def test_an_emulator_that_exits_at_once_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "supervisor.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(emulators, "SUPERVISOR", tmp_path / "supervisor.py")
    with pytest.raises(StackError, match=r"ended while it started. See the log: .stack/\d+.log$"):
        emulator(free_port()).__enter__()


def test_an_emulator_that_does_not_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "MAX_START_SECONDS", 0)
    with pytest.raises(StackError, match="did not start in 0 s"):
        emulator(free_port()).__enter__()


def test_a_refused_parameter_is_reported(probes: Path) -> None:
    with pytest.raises(
        StackError, match=r"'RecencyAsOf' must be upload, row or a date such as 2018-08-05. See the log:"
    ):
        running(free_port(), free_port(), parameters={"RecencyAsOf": "never"}, functions=probes).__enter__()


def test_the_first_resource_that_fails_is_named_with_its_reason(probes: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.read_text().replace("1209600", "12096000"))
    with emulator(free_port()) as endpoint, pytest.raises(StackError) as raised:
        deploy(endpoint, {}, template=template, functions=probes)
    assert str(raised.value).startswith("The deployment failed: FailedEventsQueue: Invalid value")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_is_stopped_nothing_of_it_stays(
    tmp_path: Path, probes: Path, number: signal.Signals
) -> None:
    ports = free_port(), free_port()
    command = [sys.executable, "-c", SCRIPT, str(ports[0]), str(ports[1]), str(probes)]
    process = subprocess.Popen(  # noqa: S603 - this interpreter and the script above
        command, env={**os.environ, "PYTHONPATH": ".:functions:src", "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == b"418\n"
    assert str(tmp_path) in commands_running()
    process.send_signal(number)
    process.communicate(timeout=10)
    assert_soon_gone(tmp_path, ports)


def assert_soon_gone(directory: Path, ports: tuple[int, int]) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(directory.iterdir()) and str(directory) not in commands_running():
            break
        time.sleep(0.05)
    assert not any(directory.iterdir())
    assert str(directory) not in commands_running()
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def commands_running() -> str:
    return subprocess.run(["ps", "-Awwo", "args"], capture_output=True, text=True, check=True).stdout  # noqa: S607 - on the PATH

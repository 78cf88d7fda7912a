from __future__ import annotations

import os
import re
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from voucher_selector import api_client
from voucher_selector.cli import screen
from voucher_selector.cli import stack as commands
from voucher_selector.cli.main import cli
from voucher_selector.errors import CommandError, Exit, StackError
from voucher_selector.local_stack.stack import Stack
from voucher_selector.operations.upload import NO_METADATA, Outcome
from voucher_selector.sample_data.facts import AS_OF
from vouchers.dynamodb.sources_table import State, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from voucher_selector.local_stack.signing import Target
    from voucher_selector.operations.upload import Uploads

pytestmark = pytest.mark.enable_socket

COUNTS = {"country": "Peru", "rows": [], "amounts_left_out": 0, "updated_at": ""}
REPORT = {
    "rows": 3,
    "counted": 2,
    "rejected": 1,
    "rejected_by_reason": {"total_orders_negative": 1},
    "repaired": {},
    "segments": {},
    "rejected_examples": {"total_orders_negative": [{"row": 7, "value": "-1", "object": None}]},
    "as_of": "row",
}


@dataclass
class Machine:
    """Stands in for the stack, and records the calls."""

    done: list[str] = field(default_factory=list)
    ports: tuple[int, int] = (0, 0)
    broken: dict[str, BaseException] = field(default_factory=dict)

    @contextmanager
    def running(
        self,
        aws_port: int,
        port: int,
        *,
        parameters: Mapping[str, str] | None = None,
        cors: str | None = None,
    ) -> Iterator[Stack]:
        self._do("start")
        self.cors = cors
        self.ports = (aws_port, port)
        self.parameters = parameters
        try:
            yield Stack(
                f"http://127.0.0.1:{aws_port}", f"http://localhost:{port}", {"UploadsBucket": "uploads"}
            )
        finally:
            self.done.append("stop")

    def write(self, path: Path) -> None:
        path.touch()
        self._do(f"write {path.name}")

    def load(
        self, stack: object, uploads: Uploads, metadata: Mapping[str, str] = NO_METADATA
    ) -> list[Outcome]:
        assert stack
        for key, path in uploads.files.items():
            self._do(" ".join([f"load {path.name} as {key}", *metadata.values()]))
        state = State(Status.COUNTED, "", "", "", "", as_of="row", report=REPORT)
        return [Outcome(key, state) for key in uploads.files]

    def counts(self, of: Target, country: str) -> dict[str, Any]:
        self._do(f"counts of {country} at {of.url}")
        return COUNTS

    def call(self, _of: object, method: str, path: str, body: dict[str, object]) -> dict[str, Any]:
        self._do(f"{method} {path} {body['country_code']}")
        return {"voucher_amount": [2640.0]}

    def _do(self, what: str) -> None:
        self.done.append(what)
        if error := self.broken.get(what.split(maxsplit=1)[0]):
            raise error


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(commands, "running", machine.running)
    monkeypatch.setattr(commands, "load", machine.load)
    monkeypatch.setattr(commands, "write_with_progress", machine.write)
    monkeypatch.setattr(api_client, "fetch_counts", machine.counts)
    monkeypatch.setattr(api_client, "call", machine.call)
    monkeypatch.setattr(commands, "free_port", lambda: 40001)
    monkeypatch.setenv("PORT", str(_free_port()))
    monkeypatch.setenv("AWS_PORT", str(_free_port()))
    return machine


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Send the signals in the list as soon as ``run`` waits for one."""
    signals: list[int] = [signal.SIGTERM]

    class Impatient(Event):
        def wait(self, timeout: float | None = 10) -> bool:
            for number in signals:
                os.kill(os.getpid(), number)
            return super().wait(timeout)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(screen, "Event", Impatient)
    yield signals
    for number, handler in before.items():
        signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_demo_loads_the_sample_shows_the_counts_and_asks(machine: Machine) -> None:
    result = CliRunner().invoke(cli, ["demo"])

    url = f"http://localhost:{os.environ['PORT']}"
    assert machine.done == [
        "start",
        "write sample.parquet",
        "load sample.parquet as vouchers/sample.parquet",
        f"counts of Peru at {url}",
        "GET /voucher_amount Peru",
        "stop",
    ]
    assert result.stdout.splitlines()[-1] == '{"voucher_amount":[2640.0]}'
    assert result.exit_code == 0


def test_demo_takes_other_ports_where_its_own_are_in_use(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))):
        result = CliRunner().invoke(cli, ["demo"])

    assert machine.ports == (int(os.environ["AWS_PORT"]), 40001)
    assert f"Port {os.environ['PORT']} is in use; the demo uses port 40001 instead" in result.stderr
    assert result.exit_code == 0


@pytest.mark.parametrize("at", ["start", "write", "load", "counts", "GET"])
def test_an_interrupted_demo_stops_what_it_started(machine: Machine, at: str) -> None:
    machine.broken[at] = KeyboardInterrupt()

    result = CliRunner().invoke(cli, ["demo"])

    assert machine.done[-1] == ("start" if at == "start" else "stop")
    assert (result.exit_code, "Traceback" in result.output) == (130, False)


def test_a_demo_that_fails_says_why_and_stops(machine: Machine) -> None:
    machine.broken["load"] = CommandError("it cannot be counted", Exit.NO)

    result = CliRunner().invoke(cli, ["demo"])

    assert result.stderr.splitlines()[-1] == "Error: it cannot be counted"
    assert (machine.done[-1], result.exit_code) == ("stop", 1)


@pytest.mark.usefixtures("interrupted")
def test_run_loads_the_sample_says_where_everything_is_and_is_ready(machine: Machine) -> None:
    result = CliRunner().invoke(cli, ["run"])

    lines = result.stdout.splitlines()
    assert machine.done[1:] == [
        "write sample.parquet",
        f"load sample.parquet as vouchers/sample.parquet {AS_OF}",
        "stop",
    ]
    assert {f"http://localhost:{os.environ['PORT']}", "uploads"} <= {
        line.split()[-1] for line in lines if line
    }
    assert (lines[-1], result.exit_code) == ("ready", 0)


@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize(
    ("more", "parameters"),
    [
        ([], {}),
        (["--rows"], {"SegmentedRows": "true"}),
        (["--rows", "--events"], {"SegmentedRows": "true", "EventBusName": "default"}),
    ],
)
def test_rows_are_kept_and_events_are_sent_only_on_request(
    machine: Machine, more: list[str], parameters: dict[str, str]
) -> None:
    CliRunner().invoke(cli, ["run", "--sample", "none", *more])
    assert machine.parameters == parameters


@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize(
    ("given", "origin"),
    [
        (None, None),
        ("http://localhost:5173", "http://localhost:5173"),
        ("HTTPS://crm.example/", "https://crm.example"),
    ],
)
def test_pages_of_another_origin_are_allowed_only_by_the_option(
    machine: Machine, given: str | None, origin: str | None
) -> None:
    CliRunner().invoke(cli, ["run", "--sample", "none", *(["--cors", given] if given else [])])
    assert machine.cors == origin


@pytest.mark.parametrize("given", ["localhost:5173", "http://", "http://a/page", "*", "http://a b"])
def test_what_is_no_origin_is_refused_before_the_start(machine: Machine, given: str) -> None:
    result = CliRunner().invoke(cli, ["run", "--cors", given])
    assert f"Invalid --cors '{given}'. Use an origin such as http://localhost:5173." in result.stderr
    assert machine.done == []


@pytest.mark.usefixtures("interrupted", "machine")
def test_containers_are_let_in_only_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[object] = []

    @contextmanager
    def relay(*where: object) -> Iterator[None]:
        served.append(where)
        yield

    at = IPv4Interface("172.17.0.1/16")
    monkeypatch.setattr(commands, "bridge", lambda: at)
    monkeypatch.setattr(commands, "relay", relay)

    assert "docker" not in CliRunner().invoke(cli, ["run", "--sample", "none"]).stdout
    assert served == []
    result = CliRunner().invoke(cli, ["run", "--sample", "none", "--containers"])
    port = int(os.environ["AWS_PORT"])
    assert f"http://host.docker.internal:{port}" in result.stdout
    assert served == [(port, at)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_cleanly_on_a_signal_even_on_two(
    machine: Machine, interrupted: list[int], number: int
) -> None:
    interrupted[:] = [number, number]

    result = CliRunner().invoke(cli, ["run", "--sample", "none"])

    assert (machine.done, result.exit_code) == (["start", "stop"], 0)


@pytest.mark.usefixtures("interrupted")
def test_run_uploads_a_folder_instead_of_the_sample(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "years" / "2018").mkdir(parents=True)
    (tmp_path / "years" / "2018" / "own.parquet").touch()

    CliRunner().invoke(cli, ["run", "--sample", str(tmp_path / "years")])

    assert "load own.parquet as vouchers/years/2018/own.parquet" in machine.done


@pytest.mark.usefixtures("interrupted")
def test_run_shows_the_report_on_a_file_of_ones_own(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    path.touch()

    result = CliRunner().invoke(cli, ["run", "--sample", str(path)])

    assert machine.done == ["start", "load own.parquet as vouchers/own.parquet", "stop"]
    assert re.search(r"rejected: total orders negative +│ +1 │\n│ +row 7 +│ +'-1' │", result.stdout)


def test_run_refuses_a_missing_sample_before_it_starts(machine: Machine) -> None:
    result = CliRunner().invoke(cli, ["run", "--sample", "missing.parquet"])

    assert (result.stderr, result.exit_code) == ("Error: There is no file missing.parquet\n", 2)
    assert machine.done == []


def test_run_on_a_port_in_use_ends_in_the_stacks_own_sentence(machine: Machine) -> None:
    machine.broken["start"] = StackError("Port 5000 is in use; free it")

    result = CliRunner().invoke(cli, ["run"])

    assert (result.stderr, result.exit_code) == ("Error: Port 5000 is in use; free it\n", 3)


@pytest.mark.usefixtures("interrupted")
def test_what_to_try_next_names_the_ports_that_are_not_the_usual_ones(machine: Machine) -> None:
    result = CliRunner().invoke(cli, ["run", "--sample", "none"])

    assert f"make counts COUNTRY=Peru PORT={machine.ports[1]} AWS_PORT={machine.ports[0]}" in result.stdout


@pytest.mark.usefixtures("interrupted")
def test_run_says_where_the_log_is(machine: Machine) -> None:
    result = CliRunner().invoke(cli, ["run", "--sample", "none"])

    assert f"log                .stack/{machine.ports[0]}.log\n" in result.stdout


@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize(
    ("kept", "done"),
    [
        (None, ["start", "write sample.parquet", f"load sample.parquet as vouchers/sample.parquet {AS_OF}"]),
        ([], ["start"]),
        (["vouchers/own.parquet"], ["start"]),
    ],
)
def test_run_keeps_files_and_loads_the_sample_only_if_none_were_kept(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, kept: list[str] | None, done: list[str]
) -> None:
    monkeypatch.setattr(commands, "restore_objects", lambda _, folder: kept if folder.suffix else None)
    monkeypatch.setattr(
        commands, "wait_until_counted", lambda _, keys: [Outcome(key) for key in keys if key in (kept or [])]
    )
    monkeypatch.setattr(commands, "save_objects", lambda *_: machine.done.append("save"))

    result = CliRunner().invoke(cli, ["run", "--keep"])

    assert machine.done == [*done, "save", "stop"]
    assert "Press Ctrl-C to stop. The uploaded files are saved then." in result.stdout


@pytest.mark.usefixtures("interrupted", "machine")
def test_run_says_that_it_forgets_unless_it_keeps() -> None:
    result = CliRunner().invoke(cli, ["run", "--sample", "none"])

    assert "Press Ctrl-C to stop. The stack forgets its data then; KEEP=1 (--keep) saves" in result.stdout

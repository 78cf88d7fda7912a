from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.e2e.place import Place, elsewhere
from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.stack import running
from voucher_selector.stack import Deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voucher_selector.local_stack.stack import Stack

PLACE = pytest.StashKey[Place]()
"""The stack in use, once a test has asked for it."""

PROBE = Path(__file__).with_name("probe.py")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The embedded stack on free ports, with the policies of the functions' roles enforced."""
    with running(free_port(), free_port(), enforce_iam=True) as up:
        yield up


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """The stack that ``--endpoint`` names, or the embedded stack."""
    if endpoint := request.config.getoption("--endpoint"):
        with elsewhere(endpoint) as found:
            request.config.stash[PLACE] = found
            yield found
    else:
        up: Stack = request.getfixturevalue("stack")
        request.config.stash[PLACE] = Place(Deployed(session(), up.endpoint, up.outputs), up.url)
        yield request.config.stash[PLACE]


@pytest.fixture
def environment_of_place(place: Place, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    """Point the commands of this process, and of processes that it starts, at the stack."""
    for name in ("AS_OF", "AWS_PORT", "FILE", "KEY", "PORT"):
        monkeypatch.delenv(name, raising=False)
    if endpoint := pytestconfig.getoption("--endpoint"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        return
    for name in ("AWS_ENDPOINT_URL", "STACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_PORT", str(urlsplit(place.deployed.endpoint or "").port))
    monkeypatch.setenv("PORT", str(urlsplit(place.url).port))


@pytest.fixture(scope="module", autouse=True)
def _no_files_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete the objects that a module's tests uploaded, because other modules use the same stack."""
    yield
    if found := request.config.stash.get(PLACE, None):
        for key in found.keys():  # noqa: SIM118 - it is not a dictionary
            found.delete(key)


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of both functions whose handler is the probe."""
    directory = tmp_path_factory.mktemp("functions")
    for function in ("ingest", "api"):
        package = directory / function
        package.mkdir()
        (package / "__init__.py").touch()
        shutil.copy(PROBE, package / "handler.py")
    return directory


@pytest.fixture(scope="session")
def probed(probes: Path) -> Iterator[Stack]:
    """The embedded stack with the probe in place of both functions."""
    with running(free_port(), free_port(), functions=probes, enforce_iam=True) as up:
        yield up

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

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
"""The stack that is in use, once one is."""

PROBE = Path(__file__).with_name("probe.py")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The real stack, on ports of its own; the functions are held to their roles' policies."""
    with running(free_port(), free_port(), enforce_iam=True) as up:
        yield up


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """The stack that --endpoint names, or else the embedded one."""
    if endpoint := request.config.getoption("--endpoint"):
        with elsewhere(endpoint) as found:
            request.config.stash[PLACE] = found
            yield found
    else:
        up: Stack = request.getfixturevalue("stack")
        request.config.stash[PLACE] = Place(Deployed(session(), up.endpoint, up.outputs), up.url)
        yield request.config.stash[PLACE]


@pytest.fixture(scope="module", autouse=True)
def _no_files_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete what a module's tests have uploaded: others use the same stack after them, in any order."""
    yield
    if found := request.config.stash.get(PLACE, None):
        for key in found.keys():  # noqa: SIM118 - it is no dictionary
            found.delete(key)


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Functions' packages with the probe for a handler."""
    directory = tmp_path_factory.mktemp("functions")
    for function in ("ingest", "api"):
        package = directory / function
        package.mkdir()
        (package / "__init__.py").touch()
        shutil.copy(PROBE, package / "handler.py")
    return directory


@pytest.fixture(scope="session")
def probed(probes: Path) -> Iterator[Stack]:
    """The stack with the probe in the place of both functions."""
    with running(free_port(), free_port(), functions=probes, enforce_iam=True) as up:
        yield up

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
import hypothesis
import pytest

from ingest.parquet.threads import usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = {"unit", "property"}

# On a busy machine an example can take any time.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--endpoint", help="where the stack is that tests marked anywhere use: a URL, or aws")


def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are cores: many tests wait for another process."""
    return usable_cores() + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Disable sockets for unit and property tests, except where a test enables them."""
    for item in items:
        inside = Path(item.path).parent.name in RULES
        if inside and not item.get_closest_marker("enable_socket"):
            item.add_marker("disable_socket")


@pytest.fixture(scope="session", autouse=True)
def _parse_service_models_once() -> Iterator[None]:
    """Share botocore's parsed service models between all sessions: without it, each client parses its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many schedules the simulation ran."""
    reports = terminalreporter.stats.get("passed", [])
    lines = [text for report in reports for name, text in report.user_properties if name == "simulation"]
    for line in sorted(lines):
        terminalreporter.write_line(f"simulation: {line}")

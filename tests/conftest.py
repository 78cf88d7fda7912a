from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

RULES = {"unit", "property"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--endpoint", help="where the stack is that tests marked anywhere use: a URL, or aws")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Disable sockets for unit and property tests, except where a test enables them."""
    for item in items:
        inside = Path(item.path).parent.name in RULES
        if inside and not item.get_closest_marker("enable_socket"):
            item.add_marker("disable_socket")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many schedules the simulation ran."""
    reports = terminalreporter.stats.get("passed", [])
    lines = [text for report in reports for name, text in report.user_properties if name == "simulation"]
    for line in sorted(lines):
        terminalreporter.write_line(f"simulation: {line}")

from __future__ import annotations

import pytest

from tests.support.sam_template import Template, transformed


@pytest.fixture(scope="session")
def template() -> Template:
    """The stack with every parameter at its default."""
    return transformed()


@pytest.fixture(scope="session")
def emulated() -> Template:
    """The stack in the form for emulators of AWS."""
    return transformed(EndpointUrl="http://localhost:4566")

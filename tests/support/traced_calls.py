"""The calls between the modules of the functions while some code runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

FUNCTIONS = Path(__file__).parents[2] / "functions"


class Call(NamedTuple):
    """A call of a function, not of a module or a comprehension; modules are paths below ``functions``."""

    caller: str
    module: str


def traced_calls(run: Callable[[], object]) -> list[Call]:
    """Run some code; return the calls of functions of the project."""
    calls = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and not frame.f_code.co_name.startswith("<") and path.is_relative_to(FUNCTIONS):
            caller = Path(frame.f_back.f_code.co_filename if frame.f_back else "")
            inside = caller.is_relative_to(FUNCTIONS)
            names = caller.relative_to(FUNCTIONS) if inside else "", path.relative_to(FUNCTIONS)
            calls.append(Call(*map(str, names)))

    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls

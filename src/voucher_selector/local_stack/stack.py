"""The whole embedded stack: emulator, deployment and gateway, up for as long as a block runs."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from botocore.credentials import Credentials

from voucher_selector.local_stack.deploy import FUNCTIONS, deploy
from voucher_selector.local_stack.emulator import REGION, emulator, log_file, short
from voucher_selector.local_stack.errors import StackError
from voucher_selector.local_stack.gateway import Target, gateway
from voucher_selector.local_stack.ports import require_free
from vouchers.segments import DEFINITIONS_FILE, DefinitionsError, load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a running stack is to be found: AWS's endpoint, the API's URL, and the stack's outputs."""

    endpoint: str
    url: str
    outputs: dict[str, str]


@contextmanager
def running(
    aws_port: int,
    port: int,
    *,
    parameters: Mapping[str, str] | None = None,
    functions: Path = FUNCTIONS,
    enforce_iam: bool = False,
) -> Iterator[Stack]:
    """Run the stack while the block runs: AWS at ``aws_port``, the API at ``port``.

    It stops with the block, however that ends; SIGTERM ends the block as Ctrl-C does.

    Args:
        aws_port: where the emulator of AWS is to listen.
        port: where the gateway to the API is to listen.
        parameters: the template's parameters that are not to have their default.
        functions: the directory of the functions' packages.
        enforce_iam: whether the emulator holds the functions to their roles' policies.

    Raises:
        StackError: a port is in use, the emulator does not come up, the deployment fails, or the segment
            definitions cannot be used.
    """
    _check_definitions(functions)
    require_free(port, "PORT")
    with ExitStack() as parts:
        parts.enter_context(_ending_on_sigterm())
        endpoint = parts.enter_context(emulator(aws_port, enforce_iam=enforce_iam))
        outputs = _deployed(aws_port, endpoint, parameters or {}, functions)
        target = Target(outputs["ApiUrl"], REGION, Credentials("test", "test"))
        yield Stack(endpoint, parts.enter_context(gateway(port, target)), outputs)


def _check_definitions(functions: Path) -> None:
    file = functions / "vouchers" / DEFINITIONS_FILE.name
    try:
        if file.exists():
            load_definitions(file)
    except DefinitionsError as error:
        raise StackError(f"The segment definitions cannot be used: {error}") from None


def _deployed(port: int, endpoint: str, parameters: Mapping[str, str], functions: Path) -> dict[str, str]:
    try:
        return deploy(endpoint, parameters, functions=functions)
    except StackError as error:
        raise StackError(f"{str(error).removesuffix('.')}; the log is {short(log_file(port))}") from error


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that what is open gets closed; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)

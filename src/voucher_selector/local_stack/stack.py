"""The local stack: the emulator, the deployment and the gateway."""

import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.credentials import Credentials

from voucher_selector.errors import StackError
from voucher_selector.local_stack.deploy import FUNCTIONS, deploy
from voucher_selector.local_stack.emulator import REGION, emulator, log_file, short
from voucher_selector.local_stack.gateway import gateway
from voucher_selector.local_stack.ports import require_free
from voucher_selector.local_stack.signing import Target
from vouchers.segments import DEFINITIONS_FILE, DefinitionsError, load_definitions


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: the URL of AWS, the URL of the API, and the stack's outputs."""

    endpoint: str
    url: str
    outputs: dict[str, str]


@contextmanager
def running(  # noqa: PLR0913 - the ports and four settings that are given by name
    aws_port: int,
    port: int,
    *,
    parameters: Mapping[str, str] | None = None,
    functions: Path = FUNCTIONS,
    enforce_iam: bool = False,
    cors: str | None = None,
) -> Iterator[Stack]:
    """Run the stack while the block runs. SIGTERM ends the block as Ctrl-C does.

    Args:
        aws_port: the port of the AWS emulator.
        port: the port of the API.
        parameters: parameters of the template, if not the defaults.
        functions: the directory of the functions' packages.
        enforce_iam: whether the emulator enforces the policies of the functions' roles.
        cors: the origin of pages that may call the API.

    Raises:
        StackError: if a port is in use, the emulator does not start, the deployment fails, or the segment
            definitions are invalid.
    """
    definitions = functions / "vouchers" / DEFINITIONS_FILE.name
    try:
        if definitions.exists():
            load_definitions(definitions)
    except DefinitionsError as error:
        raise StackError(f"Invalid segment definitions: {error}") from None
    require_free(port, "PORT")
    with ExitStack() as parts:
        parts.enter_context(_exit_on_sigterm())
        endpoint = parts.enter_context(emulator(aws_port, enforce_iam=enforce_iam))
        try:
            outputs = deploy(endpoint, parameters or {}, functions=functions)
        except StackError as error:
            log = short(log_file(aws_port))
            raise StackError(f"{str(error).removesuffix('.')}. See the log: {log}") from error
        target = Target(outputs["ApiUrl"], REGION, Credentials("test", "test"))
        yield Stack(endpoint, parts.enter_context(gateway(port, target, cors)), outputs)


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into SystemExit while the block runs; only the main thread may set signal handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""What ends a command early, and with which exit code commands end."""

from __future__ import annotations

from enum import IntEnum

from boto3.exceptions import Boto3Error
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from voucher_selector.local_stack.errors import StackError


class Exit(IntEnum):
    """The exit codes; docs/reference/command-line.md says what scripts can tell by each."""

    FINE = 0
    NO = 1
    USAGE = 2
    STACK = 3
    BUG = 70
    INTERRUPTED = 130


MEANING = {
    Exit.FINE: "all is well",
    Exit.NO: "the answer is no: a file failed, the counts differ, or nothing is counted for the country",
    Exit.USAGE: "what was given is wrong: an option, a file's name, a date, a port, a field of the request",
    Exit.STACK: "the stack does not answer, is not there, refuses, fails or cannot be started",
    Exit.BUG: "a bug of the command itself, with its traceback",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}
"""What each exit code says."""


class CommandError(Exception):
    """A command cannot do what it was asked; the message is one sentence that says why and what to do.

    ``code`` is what the command ends with: unless it is said, what the caller gave is at fault.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


EXPECTED = (
    CommandError,
    StackError,
    aws.BotoCoreError,
    aws.ClientError,
    Boto3Error,
    ResponseParserError,
    OSError,
)
"""Everything that the world can do to a command; any other exception is a bug and shows itself as one."""


def code_of(error: BaseException) -> Exit:
    """Return what a command ends with that an expected error has ended."""
    match error:
        case CommandError(code=code):
            return Exit(code)
        case OSError(filename=str()):
            return Exit.USAGE
        case _:
            return Exit.STACK

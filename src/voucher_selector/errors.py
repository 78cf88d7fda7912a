"""Errors that end a command with one sentence, and the exit codes."""

from enum import IntEnum

from boto3.exceptions import Boto3Error
from botocore import exceptions as aws
from botocore.parsers import ResponseParserError


class Exit(IntEnum):
    """The exit codes of the commands."""

    FINE = 0
    NO = 1
    USAGE = 2
    STACK = 3
    BUG = 70
    INTERRUPTED = 130


MEANING = {
    Exit.FINE: "success",
    Exit.NO: "the answer is no: a file failed, the counts differ, or the country has no counts",
    Exit.USAGE: "invalid input: an option, a file name, a date, a port or a request field",
    Exit.STACK: "the stack does not exist, does not answer, refuses, fails or cannot be started",
    Exit.BUG: "a bug in the command, with a traceback",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}
"""The text of the help and of docs/reference/command-line.md."""


class CommandError(Exception):
    """A command failed; the message is one sentence that says what was wrong and what to do."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


class StackError(CommandError):
    """The local stack cannot run."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.STACK)


EXPECTED = (CommandError, aws.BotoCoreError, aws.ClientError, Boto3Error, ResponseParserError, OSError)
"""Errors that the input or the environment can cause; any other exception is a bug."""


def exit_code(error: BaseException) -> Exit:
    """Return the exit code for an expected error."""
    match error:
        case CommandError(code=code):
            return Exit(code)
        case OSError(filename=str()):
            return Exit.USAGE
        case _:
            return Exit.STACK

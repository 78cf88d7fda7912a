"""What a user's file or event can do wrong."""

from __future__ import annotations

CORRECT = "upload a corrected file under the same key"


class FileError(Exception):
    """A file that cannot be counted at all; the message is one sentence that says what is wrong with it.

    ``advice`` says what to do about it.
    """

    def __init__(self, message: str, advice: str = CORRECT) -> None:
        super().__init__(message)
        self.advice = advice


class SupersededError(Exception):
    """The object that an event speaks of has been replaced or deleted since."""

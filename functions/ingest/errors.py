"""Errors of a user's file."""

CORRECT = "upload a corrected file under the same key"
OUT_OF_MEMORY = "takes more memory than there is"


class FileError(Exception):
    """A file that cannot be counted: the message says what is wrong, ``advice`` what to do."""

    def __init__(self, message: str, advice: str = CORRECT) -> None:
        super().__init__(message)
        self.advice = advice


class SupersededError(Exception):
    """The object version of an event has been replaced or deleted since."""

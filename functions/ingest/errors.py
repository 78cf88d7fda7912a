"""What a user's file or event can do wrong."""

from __future__ import annotations


class FileError(Exception):
    """A file that cannot be counted at all; the message is one sentence that says what is wrong with it."""


class SupersededError(Exception):
    """The object that an event speaks of has been replaced or deleted since."""

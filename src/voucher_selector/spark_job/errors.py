"""What ends a run early."""

from __future__ import annotations


class RunError(Exception):
    """A run came to nothing, and changed nothing; the message says why, and what to do."""

from __future__ import annotations


class StackError(RuntimeError):
    """The embedded stack cannot run; the message is one sentence that says why and what to do."""

"""Run a command in a temporary directory until standard input ends, then leave nothing behind.

Whoever starts the emulator through this holds the other end of its standard input. However that process goes,
killed outright included, the input ends, and with it the command, all its children and its files.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading


def main(command: list[str]) -> int:
    """Run ``command`` as the leader of a process group; return its exit status."""
    with tempfile.TemporaryDirectory(prefix="voucher-selector-", ignore_cleanup_errors=True) as directory:
        child = subprocess.Popen(  # noqa: S603 - the command is the caller's own
            command,
            stdin=subprocess.DEVNULL,
            cwd=directory,
            env={**os.environ, "TMPDIR": directory},
            start_new_session=True,
        )
        threading.Thread(target=_kill_at_end_of_input, args=(child.pid,), daemon=True).start()
        status = child.wait()
        _kill_group(child.pid)
    return status


def _kill_at_end_of_input(group: int) -> None:
    sys.stdin.buffer.read()
    _kill_group(group)


def _kill_group(group: int) -> None:
    """Kill at once: all that the command holds is thrown away with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

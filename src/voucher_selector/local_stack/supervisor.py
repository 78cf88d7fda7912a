"""Run a command in a temporary directory until standard input ends, then remove everything it left.

The process that starts this script keeps the other end of its standard input. When that process ends, even
by SIGKILL, the input ends, and with it the command, its children and its files.
"""

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
        child = subprocess.Popen(  # noqa: S603 - the caller passes the command
            command,
            stdin=subprocess.DEVNULL,
            cwd=directory,
            env={**os.environ, "TMPDIR": directory},
            start_new_session=True,
        )

        def kill_group() -> None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)

        def kill_group_at_end_of_input() -> None:
            sys.stdin.buffer.read()
            kill_group()

        threading.Thread(target=kill_group_at_end_of_input, daemon=True).start()
        status = child.wait()
        kill_group()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

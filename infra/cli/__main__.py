from __future__ import annotations

import sys
import traceback

try:
    from infra.cli.errors import Exit
    from infra.cli.main import cli
except KeyboardInterrupt:
    sys.exit(130)

try:
    cli(prog_name="voucher-selector")
except KeyboardInterrupt:
    sys.exit(Exit.INTERRUPTED)
except Exception:  # noqa: BLE001 - a bug shows itself, and is told from an answer that is no
    traceback.print_exc()
    sys.exit(Exit.BUG)

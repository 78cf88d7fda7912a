from __future__ import annotations

import sys

try:
    from infra.cli.main import INTERRUPTED, cli
except KeyboardInterrupt:
    sys.exit(130)

try:
    cli(prog_name="infra.cli")
except KeyboardInterrupt:
    sys.exit(INTERRUPTED)

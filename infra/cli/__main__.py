from __future__ import annotations

from infra.cli.main import cli

cli(prog_name="infra.cli")

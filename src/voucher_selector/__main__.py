"""The console script `voucher-selector`."""

import sys
import traceback


def main() -> None:
    """Run the command line, and exit with its exit code."""
    try:
        from voucher_selector.cli.main import cli  # noqa: PLC0415 - Ctrl-C may come during the import
        from voucher_selector.errors import Exit  # noqa: PLC0415 - Ctrl-C may come during the import
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        cli(prog_name="voucher-selector")
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Exception:  # noqa: BLE001 - a bug ends with a traceback and its own exit code
        traceback.print_exc()
        sys.exit(Exit.BUG)


if __name__ == "__main__":
    main()

"""The command `sample`."""

from __future__ import annotations

from pathlib import Path

from voucher_selector.cli import options, screen


@options.command("make sample", "make sample FILE=sample.parquet", "voucher-selector sample sample.parquet")
@options.argument("file", default="sample.parquet")
def sample(file: str) -> None:
    """Write the sample to FILE."""
    write(Path(file).expanduser())


def write(path: Path) -> None:
    """Write the sample with a progress bar."""
    from voucher_selector.sample_data.file import STEPS, write_sample  # noqa: PLC0415 - importing pyarrow is slow

    with screen.bar(f"Writing {path.name}: 511,427 uses of vouchers in four countries", STEPS) as advance:
        write_sample(path, on_step=lambda: advance(1))

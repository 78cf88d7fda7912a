"""The commands in one group, and what becomes of their errors."""

from __future__ import annotations

from typing import Any

import click

from infra.cli.errors import EXPECTED, sentence
from infra.cli.questions import ask, counts
from infra.cli.redrive import redrive
from infra.cli.replay import replay
from infra.cli.sample import sample
from infra.cli.stack import demo, run
from infra.cli.upload import upload
from infra.cli.verify import verify

INTERRUPTED = 130


class Commands(click.Group):
    """A group whose commands' errors end in one sentence, and whose interruption ends quietly."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            raise click.ClickException(sentence(error)) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None


@click.group(cls=Commands)
def cli() -> None:
    """Voucher Selector on this machine.

    PORT (5000) and AWS_PORT (4566) say where the API and AWS answer here; AWS_ENDPOINT_URL points all
    but demo, run and sample at another stack (aws: at AWS itself), and STACK is its name.
    """


for command in (demo, run, upload, counts, ask, sample, replay, verify, redrive):
    cli.add_command(command)

"""The commands in one group, and what becomes of their errors."""

from __future__ import annotations

from typing import Any

import click

from voucher_selector.cli.dashboard import dashboard
from voucher_selector.cli.dataset import dataset
from voucher_selector.cli.profile import profile
from voucher_selector.cli.questions import ask, counts
from voucher_selector.cli.redrive import redrive
from voucher_selector.cli.replay import replay
from voucher_selector.cli.sample import sample
from voucher_selector.cli.stack import demo, run
from voucher_selector.cli.upload import upload
from voucher_selector.cli.verify import verify
from voucher_selector.error_messages import sentence
from voucher_selector.errors import EXPECTED, MEANING, Exit, code_of


class Commands(click.Group):
    """A group whose commands' errors end in one sentence, and whose interruption ends quietly."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            click.echo(f"Error: {sentence(error)}", err=True)
            raise click.exceptions.Exit(code_of(error)) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None


def _exit_codes() -> str:
    return "\n".join(("\b", "Exit codes:", *(f"  {code:<4d} {said}" for code, said in MEANING.items())))


@click.group(cls=Commands, epilog=_exit_codes(), context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Use Voucher Selector: the stack on this machine, or one elsewhere.

    Of the stack on this machine, PORT (5000) is where its API answers, and AWS_PORT (4566) its AWS.
    AWS_ENDPOINT_URL points all but demo, run and sample at another stack (aws: at AWS itself), and STACK is
    its name. Results go to standard output, all else to standard error.
    """


COMMANDS = (demo, run, upload, dataset, counts, ask, dashboard, profile, sample, replay, verify, redrive)

for command in COMMANDS:
    cli.add_command(command)

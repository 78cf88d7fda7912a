"""The group of all commands, which turns errors into messages and exit codes."""

from __future__ import annotations

from typing import Any

import click

from voucher_selector.cli.dataset import dataset
from voucher_selector.cli.evaluate import evaluate
from voucher_selector.cli.maintenance import redrive, replay, verify
from voucher_selector.cli.options import spelled
from voucher_selector.cli.plan import plan
from voucher_selector.cli.profile import profile
from voucher_selector.cli.questions import ask, counts, dashboard
from voucher_selector.cli.sources import delete, expire, rejected, sources
from voucher_selector.cli.stack import demo, run, sample
from voucher_selector.cli.upload import upload
from voucher_selector.error_messages import is_under_make, name_variables, sentence
from voucher_selector.errors import EXPECTED, MEANING, CommandError, Exit, exit_code

EXIT_CODES = "\n".join(
    ("\b", "Exit codes:", *(f"  {code:<4d} {meaning}" for code, meaning in MEANING.items()))
)


class Commands(click.Group):
    """A group that prints an error of a command as one sentence."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - a command may return anything
        """Run the command that the command line names."""
        try:
            return super().invoke(ctx)
        except click.BadParameter as wrong:
            with wrong.ctx or ctx as of_command:
                error: BaseException = CommandError(describe(wrong, of_command))
        except KeyboardInterrupt:
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None
        except BrokenPipeError:
            raise  # click ends the command quietly: the reader of the pipe has what it wanted
        except EXPECTED as expected:
            error = expected
        click.echo(f"Error: {name_variables(sentence(error))}", err=True)
        raise click.exceptions.Exit(exit_code(error))


def describe(wrong: click.BadParameter, ctx: click.Context) -> str:
    """Return the error message for a parameter that is invalid, or missing, with an example."""
    name = spelled(str(wrong.param and wrong.param.name))
    if not isinstance(wrong, click.MissingParameter):
        return f"Invalid {name}{wrong.message}"
    program = "make" if is_under_make() else "voucher-selector"
    examples = map(str.strip, str(ctx.command.epilog).splitlines())
    example = next(line for line in examples if line.startswith(program))
    return f"Missing {name}. Example: {example}"


@click.group(cls=Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="voucher-selector")
def cli() -> None:
    """Run and use Voucher Selector, on this machine or on AWS.

    The local stack uses two ports: PORT (5000) for the API and AWS_PORT (4566) for the AWS emulator. To use
    another stack, set AWS_ENDPOINT_URL to its URL, or to 'aws' for AWS, and STACK to its name; demo, run,
    sample and evaluate FILE ignore both. Results go to standard output, everything else to standard error.
    """


for command in (
    *(demo, run, upload, sources, rejected, delete, expire, dataset, counts, ask, dashboard),
    *(profile, evaluate, sample, plan, replay, verify, redrive),
):
    cli.add_command(command)

"""Arguments, options and examples of the commands.

Under Make, each of them reads the variable of its name: FILE, AS_OF, REPAIR. The Makefile sets
VOUCHER_SELECTOR_MAKE; without it, no such variable of a user's shell has an effect.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ingest.counting.as_of import AsOf
from ingest.counting.metadata import AS_OF_METADATA, COLUMNS_METADATA
from ingest.parquet.column_names import ColumnMapping
from voucher_selector.errors import CommandError
from voucher_selector.operations.advice import DEFAULT_MAX_REJECTED

if TYPE_CHECKING:
    Decorator = Callable[[Callable[..., object]], Callable[..., object]]

AS_OF_HELP = "Moment that recency is measured to: a date such as 2020-06-15, row, or upload."


def is_under_make() -> bool:
    """Return whether Make runs the command."""
    return bool(os.environ.get("VOUCHER_SELECTOR_MAKE"))


def spelled(parameter: str) -> str:
    """Return a parameter, given by its name in Python, as the user wrote it: ``AS_OF`` or ``--as-of``."""
    found = next(p for p in click.get_current_context().command.params if p.name == parameter)
    return str(found.envvar) if is_under_make() or isinstance(found, click.Argument) else found.opts[0]


class Parameter(click.Parameter):
    """A parameter that reads its variable only under Make, and for which blank text is no value."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the value of the variable."""
        return super().resolve_envvar_value(ctx) if is_under_make() else None

    def value_is_missing(self, value: Any) -> bool:  # noqa: ANN401 - as click declares it
        """Return whether a required parameter has no value."""
        texts = [value] if isinstance(value, str) else value if isinstance(value, tuple) else []
        return super().value_is_missing(value) or any(not text.strip() for text in texts)


class Option(Parameter, click.Option):
    """An option."""


class Argument(Parameter, click.Argument):
    """An argument; its variable has one value, also where the command line takes several."""

    def value_from_envvar(self, ctx: click.Context) -> str | tuple[str, ...] | None:
        """Return the value of the variable."""
        value = self.resolve_envvar_value(ctx)
        return value if value is None or self.nargs == 1 else (value,)


class Flag(click.types.BoolParamType):
    """The value of a variable that switches a flag on or off."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:  # noqa: ANN401 - as above
        """Return whether the flag is on."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            name = spelled(str(param and param.name))
            raise CommandError(f"Invalid {name} '{value}'. Use 1 for yes, or 0 for no.") from None


class Choice(click.Choice[str]):
    """One of some words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - as above
        """Return the word."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            name, words = spelled(str(param and param.name)), ", ".join(self.choices)
            raise CommandError(f"Invalid {name} '{value}'. Use one of: {words}.") from None


class Number(click.ParamType[float]):
    """A number within limits."""

    name = "number"

    def __init__(self, kind: type[float], most: float) -> None:
        """Accept numbers of a kind, int or float, from 0 to ``most``."""
        self.kind, self.most = kind, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401, ARG002 - as above
        """Return the number."""
        with suppress(ValueError):
            if 0 <= (number := self.kind(value)) <= self.most:
                return number
        name = spelled(str(param and param.name))
        raise CommandError(f"Invalid {name} '{value}'. Use a number from 0 to {self.most:,}.")


class AsOfDate(click.ParamType[str]):
    """An as-of date, normalised: ``20200615`` becomes ``2020-06-15``."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401, ARG002 - as above
        """Return the as-of date as text."""
        try:
            rule = AsOf.parse(value, datetime.now(UTC))
        except ValueError as error:
            raise CommandError(f"Invalid {spelled(str(param and param.name))}: {error}") from None
        return rule.moment.isoformat().removesuffix("T00:00:00+00:00") if rule.moment else rule.rule


class Origin(click.ParamType[str]):
    """An origin of web pages: scheme, host and, optionally, a port."""

    name = "origin"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401, ARG002 - as above
        """Return the origin as browsers send it."""
        if not re.fullmatch(r"https?://[^/?#@\s]+/?", value.lower()):
            name = spelled(str(param and param.name))
            raise CommandError(f"Invalid {name} '{value}'. Use an origin such as http://localhost:5173.")
        return str(value.lower().rstrip("/"))


class Columns(click.ParamType[str]):
    """Names of columns, as the mapping writes them in metadata of S3, which is ASCII."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401, ARG002 - as above
        """Return the mapping as text."""
        try:
            return str(ColumnMapping.parse(value))
        except ValueError as error:
            raise CommandError(f"Invalid {spelled(str(param and param.name))}: {error}") from None


def command(*examples: str) -> Callable[[Callable[..., object]], click.Command]:
    """Declare a command, whose help ends with examples."""
    return click.command(epilog="\n".join(("\b", "Examples:", *(f"  {line}" for line in examples))))


def argument(name: str, **settings: Any) -> Decorator:  # noqa: ANN401 - as click declares them
    """Declare an argument, which Make gives in the variable of its name."""
    return click.argument(name, cls=Argument, envvar=name.upper(), **settings)


def option(*names: str, **settings: Any) -> Decorator:  # noqa: ANN401 - as click declares them
    """Declare an option, which Make gives in the variable of its name: ``--as-of`` in AS_OF."""
    variable = names[0].removeprefix("--").replace("-", "_").upper()
    return click.option(*names, cls=Option, **{"envvar": variable, **settings})


def flag(*names: str, **settings: Any) -> Decorator:  # noqa: ANN401 - as click declares them
    """Declare a flag, which Make gives as a variable of its name: REPAIR=1 or REPAIR=0."""
    return option(*names, is_flag=True, type=Flag(), **settings)


as_of_option = option("--as-of", type=AsOfDate(), metavar="DATE", help=AS_OF_HELP)
max_rejected_option = option(
    "--max-rejected",
    type=Number(float, 100),
    default=DEFAULT_MAX_REJECTED,
    help="Percent of the rows of a file that may be rejected without a warning; default: 10.",
)
columns_option = option(
    "--columns",
    type=Columns(),
    envvar="COLUMN_NAMES",  # shells set COLUMNS to the width of the terminal
    metavar="NAMES",
    help="Other names of columns: country_code=country,last_order_ts=ts:ms (integers in s, ms, us or ns).",
)
cors_option = option(
    "--cors",
    type=Origin(),
    metavar="ORIGIN",
    help="Origin whose pages may call the API: http://localhost:5173.",
)
json_option = flag("--json", "as_json", help="Print the result as one JSON document.")


def metadata_options(function: Callable[..., object]) -> Callable[..., object]:
    """Declare the options whose values are metadata of objects; pass these as ``metadata``."""

    @as_of_option
    @columns_option
    @wraps(function)
    def with_metadata(*, as_of: str | None, columns: str | None, **others: Any) -> object:  # noqa: ANN401 - of click
        given = {AS_OF_METADATA: as_of, COLUMNS_METADATA: columns}
        return function(metadata={name: value for name, value in given.items() if value}, **others)

    return with_metadata

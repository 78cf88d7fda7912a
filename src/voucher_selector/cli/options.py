"""Arguments, options and examples of the commands.

Under Make, each of them reads the variable of its name: FILE, AS_OF, REPAIR. The Makefile sets
VOUCHER_SELECTOR_MAKE; without it, no such variable of a user's shell has an effect.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import click

from ingest.counting.as_of import AS_OF_METADATA, COLUMNS_METADATA, AsOf
from ingest.parquet.column_names import ColumnMapping
from voucher_selector.error_messages import is_under_make
from voucher_selector.operations.sources import DEFAULT_MAX_REJECTED

Decorator = Callable[[Callable[..., object]], Callable[..., object]]

AS_OF_HELP = "Moment that recency is measured to: a date such as 2020-06-15, row, or upload."


def spelled(parameter: str) -> str:
    """Return a parameter, given by its name in Python, as the user wrote it: ``AS_OF`` or ``--as-of``."""
    found = next(p for p in click.get_current_context().command.params if p.name == parameter)
    return str(found.envvar) if is_under_make() or isinstance(found, click.Argument) else found.opts[0]


class Parameter(click.Parameter):
    """A parameter that reads its variable only under Make, and for which blank text is no value."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the value of the variable."""
        return super().resolve_envvar_value(ctx) if is_under_make() else None

    def value_is_missing(self, value: Any) -> bool:  # noqa: ANN401 - click passes a value of any type
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

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:  # noqa: ANN401 - a text or a bool
        """Return whether the flag is on."""
        on = self.str_to_bool(value)
        return self.fail(f" '{value}'. Use 1 for yes, or 0 for no.", param, ctx) if on is None else on


class Choice(click.Choice[str]):
    """One of several words."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:  # noqa: ARG002 - click passes it
        """Return the end of the error message for a value that is none of the words."""
        return f" '{value}'. Use one of: {', '.join(self.choices)}."


def number_type(kind: type[float], maximum: float) -> Callable[[str], float]:
    """Return the type of numbers of a kind, int or float, from 0 to ``maximum``."""

    def number(value: str) -> float:
        with suppress(ValueError):
            if 0 <= (converted := kind(value)) <= maximum:
                return converted
        raise ValueError(f" '{value}'. Use a number from 0 to {maximum:,}.")

    return number


def age(value: str) -> timedelta:
    """Return an age such as ``90d``."""
    if not (found := re.fullmatch(r"(\d{1,5})([dhms])", value, re.ASCII)):
        raise ValueError(f" '{value}'. Use days (90d), hours (h), minutes (m) or seconds (s).")
    units = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
    return timedelta(**{units[found[2]]: int(found[1])})


def as_of_date(value: str) -> str:
    """Return an as-of date, normalized: ``20200615`` becomes ``2020-06-15``."""
    try:
        rule = AsOf.parse(value, datetime.now(UTC))
    except ValueError as error:
        raise ValueError(f": {error}") from None
    return rule.moment.isoformat().removesuffix("T00:00:00+00:00") if rule.moment else rule.rule


def web_origin(value: str) -> str:
    """Return an origin of web pages as browsers send it: scheme, host and, optionally, a port."""
    if not re.fullmatch(r"https?://[^/?#@\s]+/?", value.lower()):
        raise ValueError(f" '{value}'. Use an origin such as http://localhost:5173.")
    return value.lower().rstrip("/")


def column_mapping(value: str) -> str:
    """Return names of columns as the mapping writes them in metadata of S3, which is ASCII."""
    try:
        return str(ColumnMapping.parse(value))
    except ValueError as error:
        raise ValueError(f": {error}") from None


def command(*examples: str) -> Callable[[Callable[..., object]], click.Command]:
    """Declare a command, whose help ends with examples."""
    return click.command(epilog="\n".join(("\b", "Examples:", *(f"  {line}" for line in examples))))


def argument(name: str, **settings: Any) -> Decorator:  # noqa: ANN401 - click has many settings, of different types
    """Declare an argument, which Make gives in the variable of its name."""
    return click.argument(name, cls=Argument, envvar=name.upper(), **settings)


def option(*names: str, **settings: Any) -> Decorator:  # noqa: ANN401 - click has many settings, of different types
    """Declare an option, which Make gives in the variable of its name: ``--as-of`` in AS_OF."""
    variable = names[0].removeprefix("--").replace("-", "_").upper()
    return click.option(*names, cls=Option, **{"envvar": variable, **settings})


def flag(*names: str, **settings: Any) -> Decorator:  # noqa: ANN401 - click has many settings, of different types
    """Declare a flag, which Make gives as a variable of its name: REPAIR=1 or REPAIR=0."""
    return option(*names, is_flag=True, type=Flag(), **settings)


as_of_option = option("--as-of", type=as_of_date, metavar="DATE", help=AS_OF_HELP)
max_rejected_option = option(
    "--max-rejected",
    type=number_type(float, 100),
    default=DEFAULT_MAX_REJECTED,
    help="Percent of the rows of a file that may be rejected without a warning; default: 10.",
)
columns_option = option(
    "--columns",
    type=column_mapping,
    envvar="COLUMN_NAMES",  # shells set COLUMNS to the width of the terminal
    metavar="NAMES",
    help="Other names of columns: country_code=country,last_order_ts=ts:ms (integers in s, ms, us or ns).",
)
cors_option = option(
    "--cors",
    type=web_origin,
    metavar="ORIGIN",
    help="Origin whose pages may call the API, such as http://localhost:5173.",
)
json_option = flag("--json", "as_json", help="Print the result as one JSON document.")


def metadata_options(function: Callable[..., object]) -> Callable[..., object]:
    """Declare the options whose values are metadata of objects; pass these as ``metadata``."""

    @as_of_option
    @columns_option
    @wraps(function)
    def with_metadata(*, as_of: str | None, columns: str | None, **others: Any) -> object:  # noqa: ANN401 - the other options of a command have different types
        given = {AS_OF_METADATA: as_of, COLUMNS_METADATA: columns}
        return function(metadata={name: value for name, value in given.items() if value}, **others)

    return with_metadata

"""The command `plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from voucher_selector import api_client
from voucher_selector.cli import options, screen
from voucher_selector.errors import CommandError
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.upload import require_file
from voucher_selector.stack import find_stack
from vouchers.counts import amount_name
from vouchers.dynamodb.sources_table import Status
from vouchers.segments import DEFINITIONS_FILE, DefinitionsError, load_definitions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voucher_selector.operations.plan import Fresh


@options.command(
    "make plan",
    "make plan SEGMENTS=edited.toml JSON=1",
    "voucher-selector plan --segments edited.toml --json",
)
@options.option(
    "--segments",
    default=str(DEFINITIONS_FILE),
    show_default=False,
    metavar="FILE",
    help="The edited segment definitions; default: functions/vouchers/segments.toml.",
)
@options.json_option
def plan(segments: str, *, as_json: bool) -> None:
    """Print the answers that edited segment definitions change.

    Run it before the definitions are deployed. It changes nothing. The new answers come from the counts of
    the stack, if these suffice: for guards, and for ranges that are counted already, alone or together. For
    other ranges, this machine counts the objects of the bucket.
    """
    from voucher_selector.operations import plan as planning  # noqa: PLC0415 - importing pyarrow is slow

    try:
        definitions = load_definitions(require_file(segments))
    except DefinitionsError as error:
        raise CommandError(f"Invalid {options.spelled('segments')} '{segments}': {error}") from None
    stack, deployed = find_stack(), api_client.call(api_client.find_api(), "GET", "/v1/choices")
    states = [source.state for source in stack.sources_table().scan() if source.state]
    counted_by = {state.definitions for state in states if state.status is Status.COUNTED}

    def recount() -> Fresh:
        keys = list(list_objects(stack))
        with screen.bar(f"Counting {len(keys):,} objects", len(keys)) as advance:
            return planning.count_afresh(stack, definitions, keys, advance)

    counts = stack.segments_table().counters()
    edited = planning.EditedCounts(counts, recount, usable=counted_by <= {deployed["definitions"]})
    found = planning.find_changes(deployed, definitions, edited)
    if as_json:
        screen.print_json(found)
    else:
        show_plan(found)


def show_plan(found: Mapping[str, Any]) -> None:
    """Print the changes of answers, and what to do to make them."""

    def text(answer: Mapping[str, Any] | None) -> str:
        if answer is None:
            return ""
        amounts = " or ".join(map(amount_name, answer["voucher_amount"])) or "none"
        more = f" and {answer['amounts_left_out']:,} more" if answer["amounts_left_out"] else ""
        return f"{amounts}{more} {answer['currency'] or ''}".rstrip()

    if found["changes"]:
        titles = ("country", "segment", "range", "answer now", "answer then", "why")
        rows = [
            (
                c["country"],
                c["segment_name"],
                f"{c['min_range']}-{c['max_range']}",
                text(c["now"]),
                text(c["then"]),
                c["why"],
            )
            for c in found["changes"]
        ]
        screen.print_table(titles, (), rows)
    for key in found["failing_objects"]:
        click.echo(f"{key} cannot be counted by the edited definitions")
    versions = found["definitions"]
    replay = "then run make replay" if versions["now"] != versions["then"] else "no replay is needed"
    numbers = f"Answers that change: {len(found['changes']):,}, that stay: {found['unchanged']:,}"
    click.echo(f"{numbers}. Deploy the definitions to change them; {replay}" if found["changes"] else numbers)

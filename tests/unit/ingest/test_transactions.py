from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ingest.commit.transactions import transact
from ingest.retry import ConflictError, RefusedError, RetryTimeoutError

WRITES = [{"Put": {"TableName": "t", "Item": {}}}]


class Refusing:
    """A client whose transactions raise the given errors in turn, and then succeed."""

    def __init__(self, *errors: ClientError) -> None:
        self.errors = list(errors)
        self.attempts = 0

    def transact_write_items(self, TransactItems: list[Any]) -> None:  # noqa: N803 - as botocore's
        assert TransactItems == WRITES
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)


def refusal(code: str, *reasons: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code},
        "CancellationReasons": [{"Code": reason, "Message": f"{reason} of the write"} for reason in reasons],
    }
    return ClientError(answer, "TransactWriteItems")


def cancelled(*reasons: str) -> ClientError:
    return refusal("TransactionCanceledException", *reasons)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("ingest.retry.time.sleep", slept.append)
    return slept


def run(client: Refusing, seconds: float = 60) -> None:
    transact(client, WRITES, lambda: seconds)  # type: ignore[arg-type] # a stand-in


@pytest.mark.parametrize(
    "busy",
    [
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError", "None"),
        cancelled("ProvisionedThroughputExceeded"),
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("TransactionInProgressException"),
        refusal("InternalServerError"),
    ],
)
def test_it_tries_again_while_others_hold_the_counters(busy: ClientError, pauses: list[float]) -> None:
    client = Refusing(*[busy] * 9)
    run(client)
    assert client.attempts == 10
    assert len(pauses) == 9


def test_its_pauses_are_drawn_below_a_bound_that_doubles_and_ends(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr("ingest.retry.random.uniform", lambda low, high: low + high)
    run(Refusing(*[cancelled("TransactionConflict")] * 9))
    assert pauses == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 4.0]


def test_it_gives_in_to_the_retry_when_the_time_is_up() -> None:
    client = Refusing(*[cancelled("TransactionConflict")] * 9)
    with pytest.raises(RetryTimeoutError, match="other commits held the counters for too long"):
        run(client, seconds=0)
    assert client.attempts == 1


@pytest.mark.parametrize(
    "reasons", [("ConditionalCheckFailed", "None"), ("ConditionalCheckFailed", "TransactionConflict")]
)
def test_a_source_that_has_changed_is_not_tried_again(reasons: tuple[str, ...]) -> None:
    client = Refusing(cancelled(*reasons))
    with pytest.raises(ConflictError):
        run(client)
    assert client.attempts == 1


def test_what_dynamodb_refuses_for_good_is_not_tried_again() -> None:
    client = Refusing(cancelled("None", "ValidationError"))
    with pytest.raises(RefusedError, match="ValidationError of the write"):
        run(client)
    assert client.attempts == 1


def test_an_error_of_the_account_is_not_taken_for_one_of_the_file() -> None:
    client = Refusing(cancelled("AccessDenied", "None"))
    with pytest.raises(ClientError):
        run(client)
    assert client.attempts == 1

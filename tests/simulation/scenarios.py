"""Scenarios: small ones to be searched completely, and random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.harness import CONTENTS, Limits, Scenario, Task

if TYPE_CHECKING:
    import random

A, B, DATASET = "vouchers/a", "vouchers/b", "datasets/d/"
CHUNKS = Limits(cells=1)
"""Each cell is a transaction, so that three cells are a commit of three transactions and its intent."""

IN_S3 = Limits(inline=10)
"""Contributions are objects."""

SMALL = {
    "the same event twice": Scenario(
        (Task("again", of=-1), Task("again", of=-1)), (Task("upload", A, "two"),)
    ),
    "two overwrites": Scenario((Task("put", A, "two"), Task("put", A, "other")), (Task("put", A, "one"),)),
    "events in the wrong order": Scenario(
        (Task("again", of=-3), Task("again", of=-1)),
        (Task("upload", A, "one"), Task("put", A, "two"), Task("upload", A, "one")),
        versioned=True,
    ),
    "an old content again": Scenario(
        (Task("put", A, "two"), Task("put", A, "dirty")), (Task("put", A, "dirty"),), limits=IN_S3
    ),
    "an overwrite and a deletion": Scenario(
        (Task("put", A, "dirty"), Task("delete", A)), (Task("put", A, "two"),), limits=IN_S3
    ),
    "objects with the same cells": Scenario(
        (Task("put", A, "two"), Task("delete", B)), (Task("put", B, "one"),)
    ),
    "an object that breaks": Scenario(
        (Task("put", A, "broken"), Task("replay", A)), (Task("put", A, "dirty"),)
    ),
    "three transactions alone": Scenario(
        (Task("again", of=-2),), (Task("put", A, "dirty"), Task("upload", A, "wide")), CHUNKS
    ),
    "three transactions twice": Scenario(
        (Task("again", of=-1), Task("again", of=-1)), (Task("upload", A, "wide"),), CHUNKS
    ),
    "three transactions and a deletion": Scenario(
        (Task("again", of=-2), Task("delete", A)), (Task("put", A, "one"), Task("upload", A, "wide")), CHUNKS
    ),
    "three transactions back": Scenario(
        (Task("put", A, "one"), Task("force", A)), (Task("put", A, "wide"),), Limits(cells=1, inline=10)
    ),
    "garbage while an object is counted": Scenario(
        (Task("put", A, "dirty"), Task("clean", "vouchers/")), (Task("put", A, "two"),), limits=IN_S3
    ),
    "zeros are removed while an object is counted": Scenario(
        (Task("put", B, "one"), Task("delete", A)), (Task("put", A, "two"),), Limits(counters=1)
    ),
    "a repair while an object is counted": Scenario(
        (Task("put", A, "two"), Task("repair")), (Task("put", A, "one"), Task("spoil"))
    ),
    "segmented rows": Scenario(
        (Task("put", A, "two"), Task("replay", A)), (Task("put", A, "one"),), keeps_rows=True
    ),
    "segmented rows go": Scenario(
        (Task("again", of=-2), Task("delete", A)),
        (Task("put", A, "one"), Task("upload", A, "two")),
        keeps_rows=True,
    ),
    "segmented rows again and again": Scenario(
        (Task("force", A), Task("force", A)), (Task("put", A, "one"),), keeps_rows=True
    ),
    "events of an overwrite and a replay": Scenario(
        (Task("put", A, "two"), Task("replay", A)), (Task("put", A, "one"),), sends_events=True
    ),
    "events of an object that breaks and goes": Scenario(
        (Task("put", A, "broken"), Task("delete", A)), (Task("put", A, "one"),), sends_events=True
    ),
    "events of three transactions and a replay": Scenario(
        (Task("again", of=-1), Task("force", A)),
        (Task("upload", A, "wide"),),
        CHUNKS,
        sends_events=True,
    ),
    "events of two counts of a dataset": Scenario(
        (Task("count", DATASET, "one"), Task("count", DATASET, "dirty")),
        (Task("count", DATASET, "two"),),
        sends_events=True,
    ),
    "two counts of a dataset": Scenario(
        (Task("count", DATASET, "one"), Task("count", DATASET, "dirty")), (Task("count", DATASET, "two"),)
    ),
}
"""Two processes each, except where one is alone."""


def random_scenario(chance: random.Random) -> Scenario:
    """Return a scenario of two to four processes on one or two objects or a dataset."""
    limits = Limits(
        *(chance.choice((small, large)) for small, large in zip((1, 1, 10), Limits(), strict=True))
    )
    keys = [A, B][: chance.choice((1, 1, 2))] + [DATASET] * (chance.random() < 0.2)
    before, tasks = list[Task](), list[Task]()
    for key in keys:
        if chance.random() < 0.7:
            before.append(change(chance, key))
    for number in range(chance.choice((2, 2, 3, 4))):
        key = chance.choice(keys)
        tasks.append(change(chance, key))
        if key != DATASET and chance.random() < 0.5:
            again = [
                Task("again", of=other) for other in range(number) if tasks[other].verb in {"put", "delete"}
            ]
            tasks[-1] = chance.choice(
                [Task("replay", key), Task("force", key), Task("clean", "vouchers/"), Task("repair"), *again]
            )
    return Scenario(
        tuple(tasks), tuple(before), limits, versioned=chance.random() < 0.5, keeps_rows=chance.random() < 0.3
    )


def change(chance: random.Random, key: str) -> Task:
    """Return a change of an object, or a count of a dataset."""
    content = chance.choice([*CONTENTS, *CONTENTS, "broken"])
    if key == DATASET:
        return Task("count", key, chance.choice([*CONTENTS]))
    return Task("delete", key) if chance.random() < 0.2 else Task("put", key, content)

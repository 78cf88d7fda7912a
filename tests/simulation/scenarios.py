"""Scenarios: small ones to be searched completely, and random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.harness import CONTENTS, Deed, Limits, Scenario

if TYPE_CHECKING:
    import random

A, B, DATASET = "vouchers/a", "vouchers/b", "datasets/d/"
CHUNKS = Limits(cells=1)
"""Each cell is a transaction, so that three cells are a commit of three transactions and its intent."""

IN_S3 = Limits(inline=10)
"""Contributions are objects."""

SMALL = {
    "the same event twice": Scenario(
        (Deed("again", of=-1), Deed("again", of=-1)), (Deed("upload", A, "two"),)
    ),
    "two overwrites": Scenario((Deed("put", A, "two"), Deed("put", A, "other")), (Deed("put", A, "one"),)),
    "events in the wrong order": Scenario(
        (Deed("again", of=-3), Deed("again", of=-1)),
        (Deed("upload", A, "one"), Deed("put", A, "two"), Deed("upload", A, "one")),
        versioned=True,
    ),
    "an old content again": Scenario(
        (Deed("put", A, "two"), Deed("put", A, "dirty")), (Deed("put", A, "dirty"),), limits=IN_S3
    ),
    "an overwrite and a deletion": Scenario(
        (Deed("put", A, "dirty"), Deed("delete", A)), (Deed("put", A, "two"),), limits=IN_S3
    ),
    "objects with the same cells": Scenario(
        (Deed("put", A, "two"), Deed("delete", B)), (Deed("put", B, "one"),)
    ),
    "an object that breaks": Scenario(
        (Deed("put", A, "broken"), Deed("replay", A)), (Deed("put", A, "dirty"),)
    ),
    "three transactions alone": Scenario(
        (Deed("again", of=-2),), (Deed("put", A, "dirty"), Deed("upload", A, "wide")), CHUNKS
    ),
    "three transactions twice": Scenario(
        (Deed("again", of=-1), Deed("again", of=-1)), (Deed("upload", A, "wide"),), CHUNKS
    ),
    "three transactions and a deletion": Scenario(
        (Deed("again", of=-2), Deed("delete", A)), (Deed("put", A, "one"), Deed("upload", A, "wide")), CHUNKS
    ),
    "three transactions back": Scenario(
        (Deed("put", A, "one"), Deed("force", A)), (Deed("put", A, "wide"),), Limits(cells=1, inline=10)
    ),
    "garbage while an object is counted": Scenario(
        (Deed("put", A, "dirty"), Deed("clean", "vouchers/")), (Deed("put", A, "two"),), limits=IN_S3
    ),
    "zeros are removed while an object is counted": Scenario(
        (Deed("put", B, "one"), Deed("delete", A)), (Deed("put", A, "two"),), Limits(counters=1)
    ),
    "a repair while an object is counted": Scenario(
        (Deed("put", A, "two"), Deed("repair")), (Deed("put", A, "one"), Deed("spoil"))
    ),
    "segmented rows": Scenario(
        (Deed("put", A, "two"), Deed("replay", A)), (Deed("put", A, "one"),), keeps_rows=True
    ),
    "segmented rows go": Scenario(
        (Deed("again", of=-2), Deed("delete", A)),
        (Deed("put", A, "one"), Deed("upload", A, "two")),
        keeps_rows=True,
    ),
    "segmented rows again and again": Scenario(
        (Deed("force", A), Deed("force", A)), (Deed("put", A, "one"),), keeps_rows=True
    ),
    "events of an overwrite and a replay": Scenario(
        (Deed("put", A, "two"), Deed("replay", A)), (Deed("put", A, "one"),), sends_events=True
    ),
    "events of an object that breaks and goes": Scenario(
        (Deed("put", A, "broken"), Deed("delete", A)), (Deed("put", A, "one"),), sends_events=True
    ),
    "events of three transactions and a replay": Scenario(
        (Deed("again", of=-1), Deed("force", A)),
        (Deed("upload", A, "wide"),),
        CHUNKS,
        sends_events=True,
    ),
    "events of two counts of a dataset": Scenario(
        (Deed("count", DATASET, "one"), Deed("count", DATASET, "dirty")),
        (Deed("count", DATASET, "two"),),
        sends_events=True,
    ),
    "two counts of a dataset": Scenario(
        (Deed("count", DATASET, "one"), Deed("count", DATASET, "dirty")), (Deed("count", DATASET, "two"),)
    ),
}
"""Two processes each, except where one is alone."""


def random_scenario(chance: random.Random) -> Scenario:
    """Return a scenario of two to four processes on one or two objects or a dataset."""
    limits = Limits(
        *(chance.choice((small, large)) for small, large in zip((1, 1, 10), Limits(), strict=True))
    )
    keys = [A, B][: chance.choice((1, 1, 2))] + [DATASET] * (chance.random() < 0.2)
    before, deeds = list[Deed](), list[Deed]()
    for key in keys:
        if chance.random() < 0.7:
            before.append(change(chance, key))
    for number in range(chance.choice((2, 2, 3, 4))):
        key = chance.choice(keys)
        deeds.append(change(chance, key))
        if key != DATASET and chance.random() < 0.5:
            again = [
                Deed("again", of=other) for other in range(number) if deeds[other].verb in {"put", "delete"}
            ]
            deeds[-1] = chance.choice(
                [Deed("replay", key), Deed("force", key), Deed("clean", "vouchers/"), Deed("repair"), *again]
            )
    return Scenario(
        tuple(deeds), tuple(before), limits, versioned=chance.random() < 0.5, keeps_rows=chance.random() < 0.3
    )


def change(chance: random.Random, key: str) -> Deed:
    """Return a change of an object, or a count of a dataset."""
    content = chance.choice([*CONTENTS, *CONTENTS, "broken"])
    if key == DATASET:
        return Deed("count", key, chance.choice([*CONTENTS]))
    return Deed("delete", key) if chance.random() < 0.2 else Deed("put", key, content)

"""Splits: which part of a task a file or a split of the hub is, and what is held out where a part is lacking."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import unpacked_name

SPLITS = ("train", "validation", "test")

HELD_OUT = 0.2
"""Share of the examples that is kept for evaluation, where there is no file for that."""

_FILE = re.compile(
    r"(?:^|[-_.])(train|dev|validation|valid|test)(?:_(matched|mismatched))?(?:-v\d[\d.]*)?(?:-\d+-of-\d+)?$"
)
_SPLIT_OF = {"train": "train", "dev": "validation", "valid": "validation", "validation": "validation", "test": "test"}


class Part(NamedTuple):
    """split: one of SPLITS. half: of MNLI's two development sets, "" where a name says neither."""

    split: str
    half: str


def part_of(path: Path) -> Part | None:
    """What the end of a file's name says (train.tsv, sts-dev.tsv, dev_matched.tsv, train-v1.1.json); None: nothing."""
    found = _FILE.search(unpacked_name(path).stem)
    return None if found is None else Part(_SPLIT_OF[found[1]], found[2] or "")


def hub_task(name: str, repository: str, configuration: str | None) -> Any:
    """Every split of a task's data set, through `datasets`."""
    from geoscope.subjects.checkpoint_files.hub import OutOfReach, load_dataset

    try:
        return load_dataset(repository, configuration, None)
    except OutOfReach as error:
        raise GeoscopeError(
            f"expected the task '{name}' ({repository}) on the hub or in the cache, got neither: {error}; "
            f"give a folder with its files: {name}=DIR"
        ) from error


def held_out(count: int, share: float = HELD_OUT) -> tuple[list[int], list[int]]:
    """Places to train on and places held out: the same whatever the run's seed, so that scores can be compared."""
    order = np.random.default_rng(0).permutation(count)
    cut = max(1, round(share * count)) if count > 1 else 0
    return np.sort(order[cut:]).tolist(), np.sort(order[:cut]).tolist()


def held_out_together(keys: Sequence[Hashable], share: float = HELD_OUT) -> tuple[list[int], list[int]]:
    """The same, of examples that go together where their keys are the same; the share is of the keys."""
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    kept = set(held_out(len(places), share)[0])
    sides: tuple[list[int], list[int]] = ([], [])
    for example, key in enumerate(keys):
        sides[places[key] not in kept].append(example)
    return sides

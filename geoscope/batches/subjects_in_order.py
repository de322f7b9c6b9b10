"""Subjects in order: a training run's checkpoints by step, and a name of its own for each subject's report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from geoscope.errors import GeoscopeError
from geoscope.subjects.kinds import ARRAY_SUFFIXES

_STEP = re.compile(r"(.*?)(\d+)(\.[A-Za-z]\w*)?")


def in_step_order(subjects: Sequence[str]) -> list[str]:
    """The subjects, those whose names differ in their last number only in the order of that number.

    A shell hands over checkpoint-1000 before checkpoint-200. Such a run takes the places it had among the others, all
    of which stay where they are. Raises GeoscopeError for a subject that is named twice.
    """
    bare = [subject.rstrip("/") or subject for subject in subjects]
    twice = next((subject for place, subject in enumerate(bare) if subject in bare[:place]), None)
    if twice is not None:
        raise GeoscopeError(f"expected every subject once, got {twice} twice; leave one out")
    runs: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for subject in bare:
        if step := _STEP.fullmatch(subject):
            runs.setdefault((step[1], step[3] or ""), []).append((int(step[2]), subject))
    ordered = {key: iter(sorted(members)) for key, members in runs.items()}
    placed = []
    for subject in bare:
        step = _STEP.fullmatch(subject)
        placed.append(subject if step is None else next(ordered[step[1], step[3] or ""])[1])
    return placed


def named(subjects: Iterable[str], taken: Mapping[str, str], reserved: Sequence[str] = ()) -> dict[str, str]:
    """A file name (without suffix) for each subject: its last part, with as many before it as make it the only one.

    taken: the names that subjects have already, which they keep. reserved: names that none may have.
    """
    names = {subject: name for name, subject in taken.items()}
    used = {name.casefold() for name in (*taken, *reserved)}  # some disks do not tell A from a
    wanted = [subject for subject in subjects if subject not in names]
    for depth in range(1, 1 + max((len(_parts(subject)) for subject in wanted), default=0)):
        proposed = {subject: "-".join(_parts(subject)[-depth:]) for subject in wanted if subject not in names}
        folded = [name.casefold() for name in proposed.values()]
        for subject, name in proposed.items():
            if folded.count(name.casefold()) == 1 and name.casefold() not in used:
                names[subject] = name
        used |= {name.casefold() for name in names.values()}
    for subject in wanted:
        if subject not in names:
            stem, number = "-".join(_parts(subject)), 2
            while f"{stem}-{number}".casefold() in used:
                number += 1
            names[subject] = f"{stem}-{number}"
            used.add(names[subject].casefold())
    return names


def _parts(subject: str) -> list[str]:
    path = PurePath(subject)
    parts = [*path.parts[:-1], path.stem if path.suffix.lower() in ARRAY_SUFFIXES else path.name]
    plain = [re.sub(r"[^\w.+=@-]+", "_", part).strip("._") for part in parts]
    return [part for part in plain if part] or ["subject"]

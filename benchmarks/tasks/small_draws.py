"""Comparisons at few sequences: two models on the same small draws, again and again, and on everything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.tasks.errors import one_thread


def draws(
    base: str,
    candidate: str,
    sequences: str,
    corpora: str,
    number: int,
    per_draw: int,
    kind: str,
    bits: int,
    workers: int,
) -> Callable[[], dict[str, Any]]:
    """`number` draws of per_draw sequences, an equal share of each corpus; both models' rows of each are compared."""
    return partial(_all, partial(_draw, base, candidate, sequences, corpora, per_draw, kind, bits), number, workers)


def whole(base: str, candidate: str, sequences: str, kind: str, bits: int) -> Callable[[], dict[str, Any]]:
    """Both models' values over every sequence."""
    return partial(_whole, base, candidate, sequences, kind, bits)


def _all(draw: Callable[[int], dict[str, Any]], number: int, workers: int) -> dict[str, Any]:
    if workers == 1:
        done = [draw(seed) for seed in range(number)]
    else:
        with ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread) as pool:
            done = list(pool.map(draw, range(number), chunksize=1))
    found: dict[str, Any] = {}
    for one in done:
        for key, row in one.items():
            found.setdefault(key, []).append(row)
    return found


def _draw(
    base: str, candidate: str, sequences: str, corpora: str, per_draw: int, kind: str, bits: int, seed: int
) -> dict[str, Any]:
    import geoscope

    names, origins = np.load(sequences), np.load(corpora)
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    ends = np.r_[starts[1:], len(names)]
    generator = np.random.default_rng([seed, 3])
    every = np.unique(origins)
    chosen: list[int] = []
    for place, origin in enumerate(every):
        of_corpus = np.flatnonzero(origins[starts] == origin)
        share = per_draw // len(every) + (place < per_draw % len(every))
        chosen += sorted(generator.choice(of_corpus, share, replace=False).tolist())
    rows = np.concatenate([np.arange(starts[at], ends[at]) for at in chosen])
    groups = np.repeat(np.arange(len(chosen)), ends[chosen] - starts[chosen])
    reports = [
        _report(np.load(file, mmap_mode="r")[rows], groups, kind, bits, f"sha256:{seed}") for file in (base, candidate)
    ]
    found = {}
    for row in geoscope.compare(*reports).differences:
        errors = [report.measurement(row.measure).standard_error for report in reports]
        found[row.measure] = {
            "values": [row.base_value, row.candidate_value], "error": errors[0], "verdict": row.verdict,
            "interval": row.interval,
        }  # fmt: skip
    return found


def _report(rows: Any, groups: Any, kind: str, bits: int, draw: str) -> Any:
    """One model's report; draw: what says that another saw the same sequences, as a checkpoint's report does."""
    import geoscope
    from benchmarks.tasks.measuring import keys

    report = geoscope.measure(rows, groups=groups, measures=keys(kind), bits=bits, null="none")
    return report.model_copy(update={"sample": report.sample.model_copy(update={"fingerprint": draw})})


def _whole(base: str, candidate: str, sequences: str, kind: str, bits: int) -> dict[str, Any]:
    import geoscope
    from benchmarks.tasks.measuring import keys

    chosen = {"groups": np.load(sequences), "measures": keys(kind), "bits": bits, "errors": False, "null": "none"}
    reports = [geoscope.measure(np.load(file, mmap_mode="r"), **chosen) for file in (base, candidate)]
    return {row.measure: [row.value, reports[1].value(row.measure)] for row in reports[0].measurements}

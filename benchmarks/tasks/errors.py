"""Standard errors put to the test: many draws of sequences, each measured with its error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

LENGTH = 10
"""Rows of a simulated sequence."""


def draws_of_layer(
    rows: str, sequences: str, corpora: str, draws: int, per_draw: int, points: int, workers: int, measures: str
) -> Callable[[], dict[str, Any]]:
    """Disjoint pairs of draws of a layer's stored sequences: `draws` reports, each next to its partner.

    measures: a kind of them, as `measuring.keys` has it.
    """
    return partial(_all, partial(_pair_of_layer, rows, sequences, corpora, per_draw, points, measures), draws, workers)


def draws_of_cloud(kind: str, draws: int, per_draw: int, workers: int, measures: str) -> Callable[[], dict[str, Any]]:
    """Pairs of draws of a simulated cloud."""
    return partial(_all, partial(_pair_of_cloud, kind, per_draw, measures), draws, workers)


def _all(pair: Callable[[int], dict[str, Any]], draws: int, workers: int) -> dict[str, Any]:
    """By measure: both values and errors of every pair that has them, the difference's error and interval."""
    if workers == 1:
        pairs = [pair(seed) for seed in range(draws // 2)]
    else:
        with ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread) as pool:
            pairs = list(pool.map(pair, range(draws // 2), chunksize=4))
    found: dict[str, Any] = {}
    for one in pairs:
        for key, row in one.items():
            found.setdefault(key, []).append(row)
    return found


def one_thread() -> None:
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _pair_of_layer(
    rows: str, sequences: str, corpora: str, per_draw: int, points: int, measures: str, seed: int
) -> dict[str, Any]:
    """As `measure` draws: an equal share of each corpus, in corpus order."""
    names, origins = np.load(sequences), np.load(corpora)
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    ends = np.r_[starts[1:], len(names)]
    stored = np.load(rows, mmap_mode="r")
    order = np.random.default_rng([seed, 1]).permutation(len(starts))
    left = [order[origins[starts[order]] == origin] for origin in np.unique(origins)]
    halves = []
    for _ in range(2):
        parts = []
        for place, one in enumerate(left):
            lengths = ends[one] - starts[one]
            wanted = int(per_draw / len(left) * lengths.mean())  # of every draw: some measures move with the rows
            count = int(np.searchsorted(np.cumsum(lengths), wanted)) + 1
            stops = dict(zip(one[:count], ends[one[:count]], strict=True))
            stops[one[count - 1]] -= lengths[:count].sum() - wanted
            parts += [stored[starts[sequence] : stops[sequence]] for sequence in sorted(stops)]
            left[place] = one[count:]
        labels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        halves.append((np.concatenate(parts), labels))
    return _compared(iter(halves), points, measures)


def _pair_of_cloud(kind: str, per_draw: int, measures: str, seed: int) -> dict[str, Any]:
    from benchmarks.clouds import CLOUDS

    generator = np.random.default_rng([seed, 2])
    groups = np.repeat(np.arange(per_draw), LENGTH)
    return _compared(((CLOUDS[kind](generator, per_draw, LENGTH), groups) for _ in range(2)), None, measures)


def _compared(draws: Iterator[tuple[Any, Any]], points: int | None, measures: str) -> dict[str, Any]:
    import geoscope
    from benchmarks.tasks.measuring import keys

    reports = [
        geoscope.measure(rows, groups=groups, points=points or "all", measures=keys(measures), null="none")
        for rows, groups in draws
    ]
    # draws are of as many rows, hence not of as many sequences: by 5 % or more, where nothing else would be compared
    alike = [one.model_copy(update={"sample": one.sample.model_copy(update={"sequences": None})}) for one in reports]
    found = {}
    for row in geoscope.compare(*alike).differences:
        if row.interval is not None:
            pair = [report.measurement(row.measure) for report in reports]
            values, errors = [one.value for one in pair], [one.standard_error for one in pair]
            found[row.measure] = {
                "values": values,
                "errors": errors,
                "interval": row.interval,
                "error of the difference": row.standard_error,
            }
    return found

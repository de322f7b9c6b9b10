"""Standard errors over sequences: from leaving groups of sequences out, and from halves of the sequences.

Tokens of a sentence are not independent, so sequences are the unit: dealt into 20 groups by their place in the draw.
Nothing is drawn with replacement: a row drawn twice is its own nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoscope.passes.gathering import GROUPS
from geoscope.rows import BoolArray, Float64, IntArray, RowIndex, hash_rows

HALVES = 20


def jackknife_error(
    replicates: Sequence[float | None], whole: float | None = None, sizes: Sequence[int] | None = None
) -> float | None:
    """sqrt((G - 1)/G sum (r - mean r)^2) over the replicates, each the measure without one of G groups.

    None unless every group gives a value: without one the spread would be too small. Groups of unequal sizes (of
    sequences) leave out unequally much, which is no noise: with the whole's value and the sizes, the spread is of the
    pseudo-values h r_whole - (h - 1) r, h the whole's size over the group's (Busing, Meijer and Van der Leeden 1999,
    Stat. Comput. 9:3-8); the same where sizes are equal.
    """
    if len(replicates) < 2 or any(value is None for value in replicates):
        return None
    values = np.array(replicates, dtype=np.float64)
    if whole is None or sizes is None or len(set(sizes)) == 1:  # statistics.jackknife_error's sum rounds otherwise
        return float(np.sqrt((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2)))
    share = sum(sizes) / np.array(sizes, dtype=np.float64)
    pseudo = share * whole - (share - 1) * values
    centre = len(values) * whole - np.sum((1 - 1 / share) * values)
    return float(np.sqrt(np.mean((pseudo - centre) ** 2 / (share - 1))))


def half_sample_error(values: Sequence[float | None]) -> float | None:
    """The spread of a measure over random halves of the sequences, which is its error on all of them.

    A half drawn without replacement has variance s^2/(n/2) - s^2/n = s^2/n about the whole sample's value.
    """
    found = [value for value in values if value is not None]
    if len(found) < HALVES:
        return None
    return float(np.std(found, ddof=1))


def split_error(pairs: Sequence[tuple[float | None, float | None]]) -> float | None:
    """sqrt(mean (a - b)^2) / 2 over splits of the sequences in two halves, a and b the measure on each.

    Halves share no sequence, so (a - b)^2 is twice a half's variance on average, however far the measure is from a
    sum over rows; a half's variance is twice the whole's.
    """
    found = [first - second for first, second in pairs if first is not None and second is not None]
    if len(found) < HALVES:
        return None
    return float(np.sqrt(np.mean(np.square(found))) / 2)


def squared_mean_error(sums: Float64, counts: IntArray, energies: Float64 | None = None) -> float:
    """Standard error of |mean|^2, the mean of all rows: sums (G, d) and counts (G,) of rows in G groups of sequences.

    With energies (G,), sums of squared lengths: of the share |mean|^2 / mean |x|^2, whose denominator moves too.

    With group means of expectation m and covariance C, its variance is (4 m'Cm + 2 tr C^2 / G) / G. Leaving groups out
    counts the second term twice, which is all there is where m = 0. The first is estimated without bias but for being
    kept at 0 or above, which makes the error about a fifth too large where m = 0.
    """
    groups, n = len(sums), counts.sum()
    mean = sums.sum(axis=0) / n
    gaps = (sums - counts[:, None] * mean) * (groups / n)
    inner = gaps @ gaps.T
    spread = float(inner[~np.eye(groups, dtype=bool)].var())  # tr C^2: gaps of different groups are independent
    rise, over = 2 * (gaps @ mean), 1.0
    if energies is not None:
        over = float(energies.sum() / n)
        rise -= float(mean @ mean) / over * (energies - counts * over) * (groups / n)
    along = float(np.sum(rise**2)) / (groups - 1) - 4 * spread / groups
    return float(np.sqrt((max(along, 0.0) + 2 * spread / groups) / groups) / over)


def half_samples(sequences: IntArray, seed: int) -> list[BoolArray]:
    """HALVES masks (n,) over rows, each keeping n // 2: of sequences in random order, the last of them cut short.

    Halves of the sequences would differ in rows, and a measure that moves with the number of rows would differ by that.
    A sequence's turn hangs on its number and the seed alone, so that the halves of two reports of one draw match even
    where a sequence has no row in one of them.
    """
    n = len(sequences)
    names, place = np.unique(sequences, return_inverse=True)
    masks: list[BoolArray] = []
    for half in range(HALVES):
        index = RowIndex(names, np.full_like(names, half), names)
        turn = np.argsort(np.argsort(hash_rows(index, seed, salt=0x68616C66), kind="stable"), kind="stable")[place]
        chosen = np.zeros(n, dtype=bool)
        chosen[np.argsort(turn, kind="stable")[: n // 2]] = True
        masks.append(chosen)
    return masks


def finite_corpus_factor(fraction: float) -> float:
    """sqrt(1 - f): how much smaller the error is when a share f of all there is to draw was drawn.

    Of the population `corpus` only: of an endless one no share can be drawn.
    """
    return float(np.sqrt(max(0.0, 1.0 - fraction)))


def group_masks(sequences: IntArray) -> list[BoolArray]:
    """For each of the GROUPS groups, which rows (n,) stay when it is left out."""
    part = sequences % GROUPS
    return [part != group for group in range(GROUPS)]

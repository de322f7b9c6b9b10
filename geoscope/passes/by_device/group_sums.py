"""Sums of groups of sequences: on the CPU, or where the rows are; and the moments of an array."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.by_device.tensor_sums import TensorSums
from geoscope.passes.moments import BLOCK_ROWS, Frame, Moments, Sums
from geoscope.rows import FloatArray, IntArray
from geoscope.torch_state import runs_compiled


class GroupSums:
    """The sums of each of some groups of sequences on the CPU, in one frame; a sequence is of group `sequence % parts`.

    asked: which of ASKED to take too. Elsewhere TensorSums takes them.
    """

    def __init__(self, frame: Frame, parts: int, asked: Collection[str] = ()) -> None:
        self._sums = [Sums(frame, frozenset(asked)) for _ in range(parts)]

    def add(
        self, rows: FloatArray, sequences: IntArray, positions: IntArray | None = None, layers: IntArray | None = None
    ) -> None:
        """Take in all rows (m, d) of some sequences, in any order; the rest as of `Sums.add`."""
        parts = len(self._sums)
        if parts == 1 and (sequences[1:] >= sequences[:-1]).all():  # in order already: no copy
            self._sums[0].add(rows, positions, sequences, layers)
            return
        part = sequences % parts
        order = np.lexsort((sequences, part))
        bounds = np.searchsorted(part[order], np.arange(parts + 1))
        for sums, start, stop in zip(self._sums, bounds[:-1], bounds[1:], strict=True):
            mine = order[start:stop]
            who = (None if each is None else each[mine] for each in (positions, sequences, layers))
            sums.add(rows[mine], *who)

    def parts(self) -> list[Sums]:
        """The sums of each group."""
        return self._sums


def group_sums(frame: Frame, parts: int, asked: Collection[str] = ()) -> GroupSums | TensorSums:
    """The sums of groups of sequences, empty, as they are taken on the frame's device."""
    return (GroupSums if runs_compiled(frame.device) else TensorSums)(frame, parts, asked)


def moments_of(
    rows: FloatArray,
    positions: IntArray | None = None,
    sequences: IntArray | None = None,
    asked: Collection[str] = (),
    device: str = "cpu",
) -> Moments:
    """The moments of an (n, d) array; its rows' sequences may be in any order. asked: as of Sums; device: as of
    Frame."""
    if len(rows) == 0:
        raise Undefined("there are no rows")
    if sequences is not None and np.any(sequences[1:] < sequences[:-1]):
        order = np.argsort(sequences, kind="stable")
        return moments_of(rows[order], None if positions is None else positions[order], sequences[order], asked, device)
    frame = Frame.around(rows[:: 1 + len(rows) // BLOCK_ROWS], len(rows), device)
    if runs_compiled(device):
        sums = Sums(frame, frozenset(asked))
        sums.add(rows, positions, sequences)
        return sums.moments()
    found = group_sums(frame, 1, asked)
    found.add(rows, np.arange(len(rows)) if sequences is None else sequences, positions)
    return found.parts()[0].moments()

"""The shared work over one cloud of rows: each pass is made once, when the first measure asks for it by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.catalogue import Sees
from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes import making
from geoscope.passes.asked_sums import ASKED
from geoscope.passes.by_device.group_sums import moments_of
from geoscope.passes.cautions import clumped, few_rows, few_rows_of_half, few_unequal, mostly_copies
from geoscope.passes.moments import Moments
from geoscope.passes.pairs import MEMORY, Pairs
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.progress import Progress
from geoscope.rows import FloatArray, IntArray
from geoscope.settings.measuring import CodebookOptions, Seed
from geoscope.settings.option import default_of, fields_of
from geoscope.subjects.row_files.groups import grouped


@dataclass(frozen=True)
class PassSettings:
    """What the passes need to know beside the rows."""

    quantizer: QuantizerSettings = field(default_factory=QuantizerSettings)
    device: str = "cpu"
    memory: int | None = None
    progress: Progress | None = None

    @property
    def block_bytes(self) -> int:
        """Bytes that blocks of pairs may take."""
        return MEMORY if self.memory is None else self.memory


@dataclass
class Passes:
    """One cloud: moments over every row, and the sampled points (p, d) with the sequence each is of (p,)."""

    moments_or_reason: Moments | Undefined
    points: FloatArray
    groups: IntArray
    settings: PassSettings = field(default_factory=PassSettings)
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def over(
        cls,
        rows: FloatArray,
        *,
        groups: npt.ArrayLike | None = None,
        positions: npt.ArrayLike | None = None,
        quantizer: str = default_of(CodebookOptions, "quantizer"),
        codebooks: int = default_of(CodebookOptions, "codebooks"),
        bits: int = default_of(CodebookOptions, "bits"),
        seed: int = 0,
        device: str = "cpu",
        memory: int | None = None,
        asked: Collection[str] = (),
    ) -> Passes:
        """The passes of an (n, d) array held in memory, every row a point; `groups` (n,) says whose sequence.

        asked: which passes will be asked for of those that take sums of their own.
        """
        for name, ids in (("groups", groups), ("positions", positions)):
            if ids is not None and np.shape(ids) != (len(rows),):
                raise GeoscopeError(f"expected {name} for each of {len(rows)} rows, got shape {np.shape(ids)}")
        places = None if positions is None else np.asarray(positions)
        if places is not None and places.dtype.kind not in "iu":
            raise GeoscopeError(f"expected positions as integers, 0 for the first token, got {places.dtype}")
        sequences = None if groups is None else grouped(np.asarray(groups), len(rows), "groups").sequences
        settings = PassSettings(
            QuantizerSettings(kind=quantizer, codebooks=codebooks, bits=bits, seed=seed),
            device,
            memory,
        )
        moments: Moments | Undefined
        try:
            moments = moments_of(rows, places, sequences, ASKED.keys() & set(asked), device)
        except Undefined as reason:
            moments = reason
        own = np.arange(len(rows), dtype=np.int64) if sequences is None else sequences
        return cls(moments, rows, own, settings)

    def get(self, name: str) -> Any:
        """The pass of that name, made on first use; raises Undefined (again) where it has no value."""
        if name not in self._made:
            try:
                self._made[name] = PASSES[name].make(self)
            except Undefined as reason:
                self._made[name] = reason.anew()
        made = self._made[name]
        if isinstance(made, Undefined):
            raise made.anew()
        return made

    def make_with(self, others: Sequence[Passes], name: str) -> None:
        """Make the pass of that name, where it is of codes, for itself and others, of other seeds alone, at a time.

        Where one of them has no value, nothing is made: each says why when it is asked.
        """
        if name in self._made or name not in making.OF_SEEDS:
            return
        every = (self, *others)
        try:
            made = making.OF_SEEDS[name](self, [each.settings.quantizer.seed for each in every])
        except Undefined:
            return
        for passes, codes in zip(every, made, strict=True):
            passes._made[name] = codes

    def count(self, name: str) -> int:
        """How many rows the pass of that name is made from; of all it was offered where it has no value."""
        try:
            return PASSES[name].count(self)
        except Undefined:
            every = self.moments_or_reason
            sees_all = PASSES[name].sees == "rows"
            return every.count if sees_all and isinstance(every, Moments) else len(self.points)

    def caution(self, name: str) -> str | None:
        """Why what is made from the pass of that name says less than it seems to; None where nothing speaks against it.

        The pass must have a value.
        """
        told = PASSES[name].caution
        return None if told is None else told(self)

    @property
    def pairs_made(self) -> Pairs | None:
        """The pairs, where a measure has asked for them and there are some."""
        pairs = self._made.get("pairs")
        return pairs if isinstance(pairs, Pairs) else None

    @property
    def duplicates(self) -> int:
        """Points that are the same as another to within DUPLICATE_TOLERANCE; 0 if nobody has looked."""
        pairs = self.pairs_made
        return 0 if pairs is None else len(self.points) - len(pairs.distinct)


@dataclass(frozen=True)
class Pass:
    """How to make one, how many rows it is from, and what keeps it from saying what it seems to.

    sees: what it is made of, as the catalogue has it. heeds: the keywords of `Passes.over` that move it or its cost.
    told: what a formula that asks for it is given, in words; of the others, which only make passes, nothing.
    searches: whether it takes distances after the sweep's.
    """

    make: Callable[[Passes], Any]
    count: Callable[[Passes], int]
    sees: Sees
    caution: Callable[[Passes], str | None] | None = None
    heeds: tuple[str, ...] = ()
    told: str = ""
    searches: bool = False


def _counted(name: str) -> Callable[[Passes], int]:
    def count(passes: Passes) -> int:
        return int(passes.get(name).counts[0].sum())

    return count


def _points(passes: Passes) -> int:
    return len(passes.points)


def _distinct(passes: Passes) -> int:
    return len(passes.get("pairs").distinct)


_SEARCHED = ("device", "memory")
_TRAINED = (*fields_of(CodebookOptions), *fields_of(Seed))

PASSES: dict[str, Pass] = {
    "moments": Pass(
        making.make_moments, lambda p: making.make_moments(p).count, "rows",
        told="`geoscope.passes.moments.Moments` of the rows",
    ),
    "units": Pass(
        making.make_units, lambda p: making.make_units(p).count, "rows",
        told="`geoscope.passes.moments.Units`: the sum of the rows scaled to length 1, and how many there are",
    ),
    "tails": Pass(
        partial(making.make_taken, name="tails"), lambda p: making.make_moments(p).count, "rows",
        told="`geoscope.passes.asked_sums.DimensionTails` of the rows, about the origin of their moments",
    ),
    "turns": Pass(
        partial(making.make_taken, name="turns"), lambda p: p.get("turns").rows, "rows", None, ("groups", "positions"),
        "`geoscope.passes.asked_sums.Turns` of the rows",
    ),
    "entropies": Pass(
        partial(making.make_taken, name="entropies"), lambda p: p.get("entropies").rows, "rows", None, ("groups",),
        "`geoscope.passes.asked_sums.SpectralEntropies` of the rows",
    ),
    "activations": Pass(
        making.make_activations, lambda p: making.make_moments(p).count, "rows",
        told="`geoscope.passes.making.Activations`: the largest absolute value of every row, and the median one of the "
        "sampled rows",
    ),
    "radius": Pass(making.make_radius, _points, "points"),
    "components": Pass(
        making.make_components, _points, "points", told="`geoscope.passes.principal_components.Components` of the rows",
    ),
    "pairs": Pass(making.make_pairs, _distinct, "pairs"),
    "clumped": Pass(lambda p: clumped(p.get("pairs"), p.points), _points, "pairs"),
    "owners": Pass(making.make_owners, _points, "pairs"),
    "distinct_cloud": Pass(making.make_distinct_cloud, _distinct, "pairs"),
    "distinct_sequences": Pass(making.make_distinct_sequences, _distinct, "pairs"),
    "skeleton": Pass(making.make_skeleton, _distinct, "pairs"),
    "longer_lists": Pass(making.make_longer_lists, _distinct, "pairs"),
    "longer_lists_across": Pass(making.make_longer_lists_across, _distinct, "pairs"),
    "neighbours_across": Pass(making.make_neighbours_across, _distinct, "pairs"),
    "bars": Pass(
        making.make_bars, _distinct, "pairs", mostly_copies, _SEARCHED,
        "(m,) the lengths of the finite H0 bars above 0",
    ),
    "nearest": Pass(
        making.make_nearest, _distinct, "pairs", mostly_copies, _SEARCHED,
        "(n, 2) the distances of each distinct row to its two nearest, the nearest first",
    ),
    "nearest_across": Pass(
        making.make_nearest_across, lambda p: len(p.get("nearest_across")), "pairs", mostly_copies,
        ("groups", *_SEARCHED),
        "(n, 2) the distances of each distinct row to its two nearest of other sequences", searches=True,
    ),
    "nearest_is_own": Pass(
        making.make_nearest_is_own, _distinct, "pairs", mostly_copies, ("groups", *_SEARCHED),
        "(n,) whether each distinct row's nearest is of its own sequence",
    ),
    "distinct_sample": Pass(
        making.make_distinct_sample, lambda p: min(_distinct(p), making.LIBRARY_ROWS), "pairs", mostly_copies,
        (*fields_of(Seed), *_SEARCHED),
        f"(m, d) the distinct rows, {making.LIBRARY_ROWS:,} of more, about their mean and of RMS radius 1",
    ),
    "codes": Pass(
        making.make_codes, _counted("codes"), "codes", few_rows, _TRAINED,
        "`geoscope.passes.quantizers.codebooks.Codes` of the rows that the codebooks were learnt from",
    ),
    "heldout_rows": Pass(making.make_heldout_rows, _points, "points"),
    "heldout_codes": Pass(
        making.make_heldout_codes, _counted("heldout_codes"), "codes", few_rows_of_half, ("groups", *_TRAINED),
        "`geoscope.passes.quantizers.codebooks.Codes` of rows of other sequences than the codebooks were learnt from",
    ),
}  # fmt: skip


def _length(name: str) -> Callable[[Passes], int]:
    return lambda passes: len(passes.get(name))


def _of_lists(whose: str, lists: str, across: bool) -> dict[str, Pass]:
    """The passes of whole neighbour lists; their names end in `_across` where those are of other sequences."""
    end, heeds = ("_across", ("groups", *_SEARCHED)) if across else ("", _SEARCHED)
    found = {
        f"chosen{end}": Pass(partial(making.make_chosen, lists=lists), _distinct, "pairs"),
        f"occurrences{end}": Pass(
            partial(making.make_occurrences, chosen=f"chosen{end}"), _distinct, "pairs", mostly_copies, heeds,
            f"(n,) how many rows have each distinct row among their {making.CHOSEN} nearest{whose}", across,
        ),
    }  # fmt: skip
    for k in making.SCALES:
        name = f"log_ratios_{k}{end}"
        found[name] = Pass(
            partial(making.make_log_ratios, k=k, lists=lists), _length(name), "pairs", few_unequal(name), heeds,
            f"(n,) ln of the ratio of each distinct row's distances to its nearest row {2 * k} and {k}{whose}, without "
            "rows that have them equally far",
            across,
        )  # fmt: skip
        found[f"rows_of_{name}"] = Pass(
            partial(making.make_rows_of_log_ratios, k=k, lists=lists), _length(name), "pairs"
        )
    return found


_OF_LISTS = {
    **_of_lists("", "lists", across=False),
    **_of_lists(" of other sequences", "lists_across", across=True),
}
WHOLE_LISTS = frozenset(_OF_LISTS)
"""The passes that read neighbour lists to their end."""

PASSES |= _OF_LISTS | {
    "lists": Pass(lambda p: p.get("pairs").neighbours, _distinct, "pairs"),
    "lists_across": Pass(lambda p: making.make_neighbours_across(p, making.NEIGHBOURS), _distinct, "pairs"),
    "tree_lengths": Pass(
        making.make_tree_lengths, _distinct, "pairs", mostly_copies, (*_SEARCHED, *fields_of(Seed)),
        f"(1 + {making.TREE_HALVES}, 2) how many points, and the length of their minimum spanning tree: first of the "
        "distinct rows, then of random halves of them",
        searches=True,
    ),
}  # fmt: skip

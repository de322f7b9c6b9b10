"""Memory: what a run will need, told before it starts, and how it is held to a bound.

Counted is the working set: the model's weights and all that geoscope makes. Not counted: the interpreter and its
libraries (some 400 MB with torch), a file's pages, an array that the caller holds; of weights that --device-map leaves
in their files the largest alone. What adapts to a bound is only what changes no number beyond rounding: the blocks of
the pair sweep, how many tokens a forward pass reads, and how many weights are left in their files.
"""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from geoscope.errors import GeoscopeError, TooLittleMemory
from geoscope.machine import memory_bytes
from geoscope.passes.asked_sums import OF_SEQUENCES
from geoscope.passes.attribution.holders import POSITIONS
from geoscope.passes.gathering import GROUPS
from geoscope.passes.moments import BLOCK_ROWS
from geoscope.passes.pairs.sweeping import MEMORY, SMALL
from geoscope.passes.passes import PASSES, WHOLE_LISTS
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.passes.quantizers.tasks import BLOCK_BYTES as CODED_BYTES
from geoscope.rows import Source
from geoscope.sizes import size_text
from geoscope.spaces.cross_products import BLOCK_ROWS as CROSSED_ROWS
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.models.vocabulary import Vocabulary
from geoscope.subjects.row_files.array_files import BLOCK_BYTES

LEAST_BLOCKS = 4 * 2**20
"""Below this the pair sweep's blocks are too small to be worth anything."""
ACTIVATIONS = 12
"""Of a position's d numbers, how many a transformer block holds beside the hidden states."""

_NUMBER = 8  # bytes of a float64
_PAIRWISE = {name for name, made in PASSES.items() if made.sees == "pairs"}
_SEARCHING = {name for name, made in PASSES.items() if made.searches}
_CODES = {name for name, made in PASSES.items() if made.sees == "codes"}
_LEAST_REST = 16 * 2**20  # and a tenth: buffers of threads and libraries, gaps between what is freed
_LISTS = 1500  # bytes a point: candidates, neighbour lists, tree
_LONGER_LISTS = 1024  # bytes of a point's longer list, which the neighbours of some sequences or parts take
_WHOLE_LISTS = 512  # bytes of a point's whole list of other sequences, and of the counts and ratios of it
_LOOSE = 512  # clusters that a spanning tree's second half starts from; real layers leave fewer


@dataclass(frozen=True)
class ReadingNeeds:
    """A checkpoint's part of the memory.

    weights: bytes. states: hidden states kept of a position, each of d numbers. longest: the longest sequence.
    """

    weights: int
    states: int
    longest: int
    tokens: int


@dataclass(frozen=True)
class Workload:
    """What decides how much memory a run needs.

    rows: n of one layer. dimension: d. layers: how many; union: whether they are one cloud. points: p of a cloud.
    item: bytes of a number as it is read. parts: sums kept of a cloud (20 by group with errors). passes: the names
    that the measures ask for. matched: whether nulls are measured on a matched cloud.
    trainings: how many trainings of the quantizer go side by side.
    blocks: bytes that the pair sweep's blocks may take. transforms: steps that rows go through in float64.
    details: whether who holds what is kept. between: whether layers are held against each other, permutations: in how
    many orders.
    """

    rows: int
    dimension: int
    layers: int
    union: bool
    points: int
    item: int
    parts: int
    passes: frozenset[str]
    quantizer: QuantizerSettings = field(default_factory=QuantizerSettings)
    errors: bool = True
    trainings: int = 1
    matched: bool = True
    reading: ReadingNeeds | None = None
    blocks: int = MEMORY
    transforms: int = 0
    details: bool = False
    between: bool = False
    permutations: int = 0

    @property
    def clouds(self) -> int:
        return 1 if self.union else self.layers

    @property
    def sees_pairs(self) -> bool:
        return not self.passes.isdisjoint(_PAIRWISE)

    @property
    def sees_codes(self) -> bool:
        return not self.passes.isdisjoint(_CODES)


@dataclass(frozen=True)
class Need:
    """Bytes by part, of the moment when most is held."""

    parts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def most(self) -> str:
        """The largest part."""
        return max(self.parts, key=self.parts.__getitem__)

    def __str__(self) -> str:
        most = size_text(self.parts[self.most])
        return f"needs about {size_text(self.total)} of memory, {most} of it for {self.most}"


def workload(
    source: Source,
    layers: Collection[Any],
    *,
    union: bool,
    points: int | None,
    parts: int,
    passes: Collection[str],
    quantizer: QuantizerSettings,
    errors: bool,
    null: str,
    trainings: int = 1,
    transforms: int = 0,
    details: bool = False,
    between: bool = False,
    permutations: int = 0,
) -> Workload:
    """The workload of measuring some layers of a source."""
    rows = len(source.index)
    offered = rows * len(layers) if union else rows
    work = Workload(
        rows=rows,
        dimension=0,
        layers=len(layers),
        union=union,
        points=offered if points is None else min(points, offered),
        item=_NUMBER if transforms else 4,
        parts=parts,
        passes=frozenset(passes),
        quantizer=quantizer,
        errors=errors,
        trainings=trainings,
        matched=null in ("auto", "matched"),
        transforms=transforms,
        details=details,
        between=between,
        permutations=permutations,
    )
    if isinstance(source, Extraction):
        return replace(work, dimension=source.row_size, reading=reading_needs(source, layers))
    if isinstance(source, Vocabulary):
        return replace(work, dimension=source.row_size, reading=ReadingNeeds(_weights(source.checkpoint), 0, 1, 1))
    if isinstance(source, Embeddings):
        return replace(work, dimension=source.hidden_size, item=max(work.item, source.itemsize))
    raise TypeError(f"expected an Extraction, a Vocabulary or Embeddings, got {type(source).__name__}")


def reading_needs(source: Extraction, layers: Collection[Any]) -> ReadingNeeds:
    """What a checkpoint needs to read some layers."""
    checkpoint = source.checkpoint
    inner = set(layers) - {checkpoint.layers}
    states = 2 + (len(inner) if checkpoint.outline.hooked or not inner else checkpoint.layers)
    return ReadingNeeds(_weights(checkpoint), states, source.longest, min(source.batch_tokens, source.tokens_padded))


def _weights(checkpoint: Checkpoint) -> int:
    """Bytes of them in memory at a time."""
    if checkpoint.resident is not None:
        return checkpoint.resident
    return checkpoint.parameters * {"float64": 8, "float32": 4}.get(checkpoint.dtype, 2)


def fit(work: Workload, bound: int | None) -> tuple[Workload, Need]:
    """The workload with blocks and batches small enough for the bound (None: as they are), and what it needs.

    Raises GeoscopeError with the least bound that would do.
    """
    held, need = _fitted(work, bound)
    if bound is not None and need.total > bound:
        raise GeoscopeError(
            f"expected --memory of at least {size_text(need.total)} for this run, got {size_text(bound)}; "
            f"give it that much, or {_cheaper(need)} ({need})"
        )
    return held, need


def _fitted(work: Workload, bound: int | None) -> tuple[Workload, Need]:
    """The same with as little as can be where nothing is small enough."""
    need = estimate(work)
    while bound is not None and need.total > bound:
        smaller = [less for less in (_less_blocks(work), _less_tokens(work)) if less is not None]
        if not smaller:
            break
        work = min(smaller, key=lambda less: estimate(less).total)
        need = estimate(work)
    return work, need


def _fitted_to_machine(work: Workload) -> tuple[Workload, Need]:
    """As small as the machine's memory asks for; raises TooLittleMemory where that is not enough."""
    there = memory_bytes()
    held, need = _fitted(work, there)
    if there is not None and need.total > there:
        raise TooLittleMemory(
            f"expected a machine with {size_text(need.total)} of memory for this run, got one with "
            f"{size_text(there)} for it; {_cheaper(need)}, or try all the same with --memory {size_text(need.total)} "
            f"({need})"
        )
    return held, need


def room_for_weights(work: Workload, bound: int) -> int:
    """Bytes that a bound leaves for weights that need not all be in memory: half of it, or what the rest does not need.

    Raises GeoscopeError where the rest alone needs more.
    """
    if work.reading is None:
        raise TypeError("expected the workload of a checkpoint, got one without weights")
    rest = replace(work, reading=replace(work.reading, weights=0))
    try:
        _, need = fit(rest, bound // 2)
    except GeoscopeError:
        _, need = fit(rest, bound)
    return max(0, bound - need.total) * 10 // 11  # of which a tenth counts as the rest


def _cheaper(need: Need) -> str:
    weights = ", or leave weights in their files with --device-map auto" * (need.most == "the model")
    return f"measure fewer --layers or --points{weights}"


def hold_to(bound: int | None, work: Workload, source: Source, announce: Callable[[str], None] | None) -> int:
    """Say what the run needs, make a checkpoint read in batches that fit, return the bytes for the pair sweep's blocks.

    Raises GeoscopeError where the bound cannot be kept, TooLittleMemory where there is none and the machine has less.
    """
    held, need = _fitted_to_machine(work) if bound is None else fit(work, bound)
    if isinstance(source, Extraction) and held.reading is not None and held.reading != work.reading:
        source.read_at_once(held.reading.tokens)
    if announce is not None:
        announce(str(need))
    return held.blocks


def hand_back() -> None:
    """Give the system back what was freed: glibc keeps it otherwise, in the pieces that many threads left."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none, and keep less
        if trim is not None:
            trim(0)


def _less_blocks(work: Workload) -> Workload | None:
    return replace(work, blocks=max(work.blocks // 2, LEAST_BLOCKS)) if work.blocks > LEAST_BLOCKS else None


def _less_tokens(work: Workload) -> Workload | None:
    reading = work.reading
    if reading is None or reading.tokens <= reading.longest:
        return None
    return replace(work, reading=replace(reading, tokens=max(reading.tokens // 2, reading.longest)))


def estimate(work: Workload) -> Need:
    """What the run needs when it needs most: what is held throughout, and the largest of what is held at a time."""
    square = _NUMBER * work.dimension**2
    throughout = {
        "the model": work.reading.weights if work.reading else 0,
        "who each row is": 64 * work.rows,
        "sampled points": work.clouds * work.points * work.dimension * work.item,
        "sums over rows": work.clouds * work.parts * 2 * square,
        "details": work.clouds * work.dimension * _NUMBER * min(work.rows, POSITIONS) * work.details,
        "transforms": work.clouds * square * (work.transforms + 4 * bool(work.transforms)),  # and sums to fit one
        "products between layers": square * work.layers * (work.layers + 1) // 2 * work.between,
    }
    at_work = {"the moments": (1 + GROUPS if work.errors else 1) * 5 * square if work.parts else 0}
    times = [{"reading rows": _reading_rows(work)}, at_work | {"eigenvalues": 6 * square if work.parts else 0}]
    if work.between:
        times.append({"layers side by side": _between(work)})
    if "components" in work.passes:
        times.append(at_work | {"components": _components(work)})
    if "activations" in work.passes:
        times.append({"the median value": 2 * work.points * work.dimension * work.item})
    if "entropies" in work.passes and work.matched:
        times.append(at_work | {"the matched null": 4 * work.points * work.dimension * _NUMBER + 8 * square})
    if work.sees_pairs:
        times.append(at_work | {"pairs": pairs_of(work)})
        if work.matched:
            times.append(at_work | {"the matched null": _matched(work)})
    if work.sees_codes:
        times.append(at_work | {"codebooks": _codebooks(work)})
    most = max(times, key=lambda parts: sum(parts.values()))
    parts = {name: size for name, size in (throughout | most).items() if size}
    return Need(parts | {"the rest": _LEAST_REST + sum(parts.values()) // 10})


def _reading_rows(work: Workload) -> int:
    d = work.dimension
    of_sequences = 3 * bool(work.passes & OF_SEQUENCES)  # their rows in order, and steps between them
    sums = (6 + of_sequences) * BLOCK_ROWS * d * _NUMBER if work.parts or work.transforms or work.details else 0
    sums += (2 * work.layers + 1) * CROSSED_ROWS * d * _NUMBER * work.between
    if work.reading is None:
        return sums + (3 if not work.transforms else 9) * BLOCK_BYTES  # in float64, before and after
    states = work.reading.states + ACTIVATIONS + (work.layers if work.union else 1)
    read = max(work.reading.tokens, work.reading.longest) * d
    return sums + read * states * 4 + read * 2 * _NUMBER * (work.layers + 1) * bool(work.transforms)


def _between(work: Workload) -> int:
    """Neighbour lists of all layers; the sweep of one, or ranks in it; the layers on their axes, and dealt anew."""
    p, layers = work.points, work.layers
    lists = layers * p * 32 * _NUMBER + 4 * layers * p * _NUMBER
    dealt = (work.permutations + 1) * p * (_NUMBER + 4 * layers) + layers * p * work.dimension * 4
    return lists + pairs_of(work) + p * work.dimension * 4 + dealt * bool(work.permutations)


def _components(work: Workload) -> int:
    copies = 3 if work.points >= work.dimension else 7  # which takes a singular value decomposition
    return copies * work.points * work.dimension * _NUMBER + 2 * _NUMBER * work.dimension**2


def pairs_of(work: Workload) -> int:
    """The sweep; with errors or other sequences' neighbours the distinct points and their float64 copy instead."""
    p, d = work.points, work.dimension
    again = work.errors or not _SEARCHING.isdisjoint(work.passes)
    copy = p * (d + 2) * (_NUMBER if again or p * p * d < SMALL else 4)
    clusters = min(_LOOSE, p // 8 + 1)
    joined = 2 * _across(work)  # two copies more while all points' longer lists are put in order
    lists = _lists(work) + _LONGER_LISTS * (again + joined)
    return copy + p * d * work.item * again + lists * p + 6 * _NUMBER * clusters**2 + _pair_blocks(p, d, work.blocks)


def _across(work: Workload) -> bool:
    """Whether whole neighbour lists of other sequences are read."""
    return "tree_lengths" in work.passes or any(name.endswith("_across") for name in work.passes & WHOLE_LISTS)


def _lists(work: Workload) -> int:
    """Bytes of a point that stay of its lists, but for the longer ones."""
    return _LISTS + _WHOLE_LISTS * _across(work)


def _pair_blocks(p: int, d: int, memory: int) -> int:
    """Blocks of the sweep and of the searches after it, in bytes, as those size them."""
    tall = min(max(math.isqrt(memory // 32), 64), 1024, p)
    sweep = 16 * tall * tall + tall * d * 8
    tall = min(max(memory // (16 * max(p, 1)), 32), 256)
    wide = min(max(256, min(memory // (16 * tall), memory // (24 * d))), p)
    search = tall * p * 9 + wide * d * 2 * _NUMBER + 5 * tall * wide * _NUMBER
    return max(sweep, search) + 3 * min(p, 2048) * d * _NUMBER


def _matched(work: Workload) -> int:
    """Making the points; then, with what errors left of the whole's pairs, sweeping them."""
    numbers = work.points * work.dimension
    alone = replace(work, errors=False, passes=work.passes | (_PAIRWISE - WHOLE_LISTS))
    left = (
        numbers * (work.item + 4) + (_lists(work) + _LONGER_LISTS) * work.points
    )  # distinct points, their copy, lists
    held = numbers * work.item + 256 * work.points + left * work.errors
    return held + max(8 * numbers * _NUMBER + 8 * _NUMBER * work.dimension**2, pairs_of(alone))


def _codebooks(work: Workload) -> int:
    """Training: pair counts, their factor and solution; searching: costs of a chunk of rows; sums: blocks of rows."""
    chosen, p, d = work.quantizer, work.points, work.dimension
    size = chosen.codebooks * chosen.cells
    block = min(CODED_BYTES, p * d * _NUMBER)
    sums = block * (3 + chosen.codebooks // 2)
    halves = work.trainings * ("heldout_codes" in work.passes)  # each seed cuts others
    copies = p * d * (4 * max(halves, 1) * (work.item != 4) + work.item * halves)
    if chosen.kind in ("pq", "kmeans"):
        return copies + sums + 4 * size * d * 4 + p * d * 4  # rows about their mean
    tables = 4 * size * d * _NUMBER + 3 * size * size * _NUMBER + size * size * 4
    again = work.errors or "heldout_codes" in work.passes
    kept = tables * again  # what the allocator does not hand back of the trainings before
    at_once = p if chosen.kind == "lsq-faiss" else min(p, 4096)
    return copies + kept + max(sums, tables + at_once * (size + d) * 4)

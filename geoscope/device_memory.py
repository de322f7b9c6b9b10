"""Device memory: what a run will hold on another device than the CPU, and how it is held to a bound there.

Counted is the model, what a forward pass makes, the sums of the layers that are read at a time, and what pairs and
codebooks are made of; not the device's own context (some 500 MB on a GPU). What adapts to a bound is how many tokens a
pass reads, how large the blocks of pairs are, and how many layers are read: where the sums of all do not fit, the text
is read again for the next ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from geoscope.errors import GeoscopeError
from geoscope.memory import ACTIVATIONS, LEAST_BLOCKS, Need, Workload, pairs_of, reading_needs
from geoscope.passes.by_device.tensor_sums import BLOCK_BYTES, numbers_a_group
from geoscope.passes.quantizers.local_search import STARTS
from geoscope.passes.quantizers.torch_rows import CHUNK_BYTES, bytes_fitted, bytes_searched
from geoscope.rows import Layer, Source
from geoscope.sizes import size_text
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.models.vocabulary import Vocabulary
from geoscope.torch_state import bytes_on, runs_compiled

_NUMBER = 8  # bytes of a float64
_COPIES = 5  # of a block of rows in float64: shifted, in order of groups, Gram matrices, and what torch keeps of them


@dataclass(frozen=True)
class Portions:
    """How a source is read: so many layers at a time, and so many tokens (None: no forward passes).

    blocks: bytes that blocks of pairs may take.
    """

    layers: int
    tokens: int | None
    blocks: int


def hold_to_device(
    bound: int | None,
    work: Workload,
    source: Source,
    layers: Sequence[Layer],
    device: str,
    announce: Callable[[str], None] | None,
    *,
    together: bool,
) -> Portions:
    """How to read and search: all layers at a time where their sums fit; makes a checkpoint read in batches that do.

    bound: bytes on the device (None: what is free there, where that is known). together: whether all layers must be
    read at a time. Raises GeoscopeError with the least bound that would do.
    """
    if runs_compiled(device):
        return Portions(len(layers), None, work.blocks)
    there = bytes_on(device) if bound is None else bound
    if bound is None and there is not None:
        there += _model_bytes(source)  # which is there already
    portions, need = _fitted(work, source, layers, there, together)
    if there is not None and need.total > there:
        free = "" if bound is not None else f", which is what {device} has for it"
        raise GeoscopeError(
            f"expected --device-memory of at least {size_text(need.total)} for this run, got {size_text(there)}{free}; "
            f"give it that much, measure fewer --points, or measure with --device cpu ({need})"
        )
    if isinstance(source, Extraction) and portions.tokens is not None and portions.tokens < source.batch_tokens:
        source.read_at_once(portions.tokens)
    if announce is not None:
        again = "" if portions.layers >= len(layers) else f"; it reads the text anew for every {portions.layers} layers"
        announce(f"on {device} it {need}{again}")
    return portions


def _fitted(
    work: Workload, source: Source, layers: Sequence[Layer], bound: int | None, together: bool
) -> tuple[Portions, Need]:
    """All at a time, or as little as the bound asks for and there can be."""
    portions = Portions(len(layers), None if work.reading is None else work.reading.tokens, work.blocks)
    need = need_on_device(work, source, layers, portions)
    while bound is not None and need.total > bound:
        smaller = list(_smaller(portions, work, together or work.union))
        if not smaller:
            break
        portions = min(smaller, key=lambda less: need_on_device(work, source, layers, less).total)
        need = need_on_device(work, source, layers, portions)
    return portions, need


def _smaller(portions: Portions, work: Workload, together: bool) -> Iterator[Portions]:
    if portions.blocks > LEAST_BLOCKS:
        yield replace(portions, blocks=max(portions.blocks // 2, LEAST_BLOCKS))
    if portions.layers > 1 and not together:
        yield replace(portions, layers=-(-portions.layers // 2))
    if portions.tokens is not None and work.reading is not None and portions.tokens > work.reading.longest:
        yield replace(portions, tokens=max(portions.tokens // 2, work.reading.longest))


def need_on_device(work: Workload, source: Source, layers: Sequence[Layer], portions: Portions) -> Need:
    """Bytes on the device, of the moment when most is held there."""
    d = work.dimension
    clouds = 1 if work.union else portions.layers
    rows, reading = work.rows, 0
    if isinstance(source, Extraction) and portions.tokens is not None:
        needs = reading_needs(source, layers[: portions.layers])
        rows = min(portions.tokens, work.rows)
        reading = portions.tokens * d * 4 * (needs.states + portions.layers + ACTIVATIONS)
    block = min(BLOCK_BYTES, rows * (portions.layers if work.union else 1) * d * _NUMBER)
    sums = {"sums over rows": clouds * work.parts * numbers_a_group(d) * _NUMBER} if work.parts else {}
    times = [{"reading rows": reading + _COPIES * block * bool(work.parts)} | sums]
    points = work.points * d * work.item
    times.append({"components": 24 * work.points * d} if "components" in work.passes else {})
    times.append({"the matched null": 3 * work.points * d * _NUMBER} if work.matched and work.sees_pairs else {})
    times.append({"eigenvalues": 4 * d * d * _NUMBER} if work.parts else {})
    of_pairs = pairs_of(replace(work, blocks=portions.blocks)) + portions.blocks
    times.append({"pairs": points + of_pairs} if work.sees_pairs else {})
    times.append({"codebooks": points + _codebooks(work)} if work.sees_codes else {})
    most = max(times, key=lambda parts: sum(parts.values()))
    parts = {name: size for name, size in ({"the model": _model_bytes(source)} | most).items() if size}
    return Need(parts | {"the rest": sum(parts.values()) // 10})


def _model_bytes(source: Source) -> int:
    """Bytes of weights that are on a device."""
    if not isinstance(source, (Extraction, Vocabulary)):
        return 0
    return sum(each.nbytes for each in source.checkpoint.model.parameters() if each.device.type not in ("cpu", "meta"))


def _codebooks(work: Workload) -> int:
    """Of all trainings at a time the rows (of each another half), tables and codes; of the fit of one or the search of
    all the larger, and what rows take that are worked on at a time."""
    chosen, p, d, trainings = work.quantizer, work.points, work.dimension, work.trainings
    size = chosen.codebooks * chosen.cells
    half = -(-p // 2) * ("heldout_codes" in work.passes)
    kept = trainings * 4 * (size * d + STARTS * p * chosen.codebooks)
    equations = 4 * size * d * _NUMBER + 4 * size * size * _NUMBER
    binary = (trainings + 1) * size * size * 4
    searched = [
        rows * bytes_searched(chosen.codebooks, chosen.cells, d, searches)
        for rows, searches in ((p, 1), (half, STARTS))
    ]
    at_once = min(CHUNK_BYTES, max(p * bytes_fitted(chosen.codebooks, chosen.cells, d), trainings * max(searched)))
    return max(p, half * trainings) * d * 4 + kept + max(equations, binary) + at_once

"""Codebooks: quantizers trained on rows, and what they say of them (cell counts and reconstruction error).

The only user of FAISS's quantizers. "lsq" is geoscope's own local search quantizer (`local_search.py`): the same
model and search as FAISS's, several times faster; "lsq-faiss" is FAISS's, which trains and encodes rows as they come.
The others are FAISS's around the rows' mean: k-means does not depend on where the origin is, and float32 does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from geoscope.bounds import CODEBOOKS
from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.quantizers.faiss_package import faiss_package, gpu_encoders, gpus
from geoscope.passes.quantizers.tasks import Task, blocks
from geoscope.progress import Progress
from geoscope.rows import BoolArray, Float64, FloatArray, IntArray
from geoscope.settings.measuring import MeasureChoice, Quantizer
from geoscope.settings.option import choices_of, default_of
from geoscope.torch_state import leave_room

Implementation = Literal["geoscope", "faiss"]
CodeArray = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_MOST_BITS = 12
_LSQ_SEED = 74565  # FAISS's own default (0x12345); seed 0 is FAISS untouched
_PQ_SEED = 1234  # likewise, of FAISS's k-means
_FEWEST_ROWS_A_VECTOR = 2.5  # of additive codebooks, whose M K vectors are fitted together
_FEWEST_ROWS_A_CLUSTER = 10.0
_FAR = 30.0  # radii from the origin: FAISS's penalty of .01 there weighs as much as a cell of 9 rows

_NAMES = {"lsq": "LSQ", "lsq-faiss": "LSQ by FAISS", "pq": "PQ", "kmeans": "k-means"}
QUANTIZERS = choices_of(Quantizer, "quantizer")
"""What `--quantizer` may be."""


@dataclass(frozen=True)
class QuantizerSettings:
    """Which quantizer: `codebooks` tables of K = 2^bits cells each.

    kind: "lsq" (local search, an additive quantizer), "lsq-faiss" (FAISS's own), "pq" (product) or "kmeans" (always
    one codebook).
    seed: added to FAISS's own default seeds (LSQ 74565, PQ and k-means 1234).
    implementation: whose it is: geoscope's for "lsq", FAISS's for the others ("lsq" by "faiss" is "lsq-faiss").
    """

    kind: str = default_of(MeasureChoice, "quantizer")
    codebooks: int = default_of(MeasureChoice, "codebooks")
    bits: int = default_of(MeasureChoice, "bits")
    seed: int = 0
    implementation: Implementation = "geoscope"

    def __post_init__(self) -> None:
        if self.kind not in _NAMES:
            raise GeoscopeError(f"expected a quantizer: {', '.join(QUANTIZERS)}; got {self.kind!r}; choose one of them")
        if self.kind == "kmeans":
            object.__setattr__(self, "codebooks", 1)
        if self.implementation not in ("geoscope", "faiss"):
            raise GeoscopeError(
                f"expected geoscope or faiss as the implementation, got {self.implementation!r}; choose one of them"
            )
        if self.kind == "lsq" and self.implementation == "faiss":
            object.__setattr__(self, "kind", "lsq-faiss")
        if self.kind != "lsq":
            object.__setattr__(self, "implementation", "faiss")
        if not (1 <= self.bits <= _MOST_BITS and 1 <= self.codebooks <= CODEBOOKS):
            raise GeoscopeError(
                f"expected 1 to {CODEBOOKS} codebooks of 1 to {_MOST_BITS} bits, got {self.codebooks} of {self.bits}; "
                "choose numbers in that range"
            )
        if self.seed < 0:
            raise GeoscopeError(f"expected 0 or a positive integer as the seed, got {self.seed}; choose another")

    @property
    def cells(self) -> int:
        """K, the cells of one codebook."""
        return int(2**self.bits)

    def __str__(self) -> str:
        return f"{_NAMES[self.kind]} {self.codebooks}x{self.bits}"


@dataclass(frozen=True, eq=False)
class Codes:
    """A trained quantizer applied to n rows.

    counts: int64 (M, K), how many of the counted rows fall in each cell, empty cells included; rows sum to n.
    error: sum ||x - x^||^2 over the counted rows, x^ the quantizer's reconstruction; float64.
    energy: sum ||x||^2; centered_energy: sum ||x - mean||^2; over the counted rows, float64.
    codes: (n, M) unsigned integers, the cell of each row in each codebook.
    row_sums: (3, n) float64, what each row adds to error, energy and centered_energy (None where nobody kept them).
    """

    counts: IntArray
    error: float
    energy: float
    centered_energy: float
    codes: CodeArray
    row_sums: Float64 | None = None

    def take(self, kept: BoolArray) -> Codes:
        """The same codebooks' counts and sums over the kept rows (n,) only; the centre stays that of all rows."""
        if self.row_sums is None:
            raise ValueError("codes without row sums cannot be taken apart")
        codes = self.codes[kept]
        counts = np.stack([np.bincount(column, minlength=self.counts.shape[1]) for column in codes.T])
        sums = self.row_sums[:, kept]
        error, energy, centered = sums.sum(axis=1).tolist()
        return Codes(counts.astype(np.int64), error, energy, centered, codes, sums)


@dataclass(frozen=True, eq=False)
class Codebooks:
    """Trained tables: float32 (M, K, d) whose chosen rows add up, or (M, K, d / M) whose chosen rows stand in line.

    centre: (d,) what is added to all that they rebuild.
    """

    tables: FloatArray
    additive: bool
    centre: FloatArray

    def decode(self, codes: CodeArray) -> FloatArray:
        """The reconstructions of rows with these (n, M) codes, float64 (n, d)."""
        parts = [table[codes[:, m]] for m, table in enumerate(self.tables)]
        total = np.zeros((len(codes), len(self.centre)))
        total += self.centre
        if not self.additive:
            total += np.concatenate(parts, axis=1)
            return total
        for part in parts:
            total += part
        return total


def quantize(
    rows: FloatArray,
    settings: QuantizerSettings,
    *,
    train_on: FloatArray | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Codes:
    """Train a quantizer on `train_on` (n', d) (the rows themselves unless given) and apply it to `rows` (n, d).

    Training and codes are computed in float32, the sums in float64 against the rows as given. The same rows in the
    same order, settings and device give the same codes. device: where geoscope's LSQ is trained and searched; FAISS's
    quantizers take the GPUs that it is built for, or the CPU. Raises Undefined for fewer rows (trained or counted) than
    cells, for rows that float32 cannot square, and for a product quantizer whose codebooks do not divide d.
    """
    return quantized(rows, settings, train_on=train_on, device=device, progress=progress)[1]


def quantized(
    rows: FloatArray,
    settings: QuantizerSettings,
    *,
    train_on: FloatArray | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> tuple[Codebooks, Codes]:
    """The codebooks beside what `quantize` says of the rows by them."""
    return _all_quantized([Task.of(rows, settings, train_on)], device, progress)[0]


def quantize_together(
    rows: FloatArray,
    settings: QuantizerSettings,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[Codes]:
    """What `quantize` says by each of the seeds in place of the settings' own, equal to the bit.

    Trained side by side where geoscope's LSQ is trained on another device than the CPU, else one after another.
    """
    task = Task.of(rows, settings)
    tasks = [replace(task, settings=replace(settings, seed=seed)) for seed in seeds]
    return [codes for _, codes in _all_quantized(tasks, device, progress)]


def _all_quantized(tasks: Sequence[Task], device: str, progress: Progress | None) -> list[tuple[Codebooks, Codes]]:
    """Of tasks whose settings differ in the seed alone."""
    if tasks[0].settings.kind == "lsq":
        made = _local_search(tasks, device, progress)
    else:
        made = [_with_faiss(task.training, task.counted, task.settings, progress) for task in tasks]
    found = []
    for task, (books, codes) in zip(tasks, made, strict=True):
        books = replace(books, centre=books.centre + task.origin)
        found.append((books, _codes(task.rows, books, codes, task.settings.cells)))
    return found


def quantize_heldout(
    rows: FloatArray,
    groups: IntArray,
    settings: QuantizerSettings,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Codes:
    """Codebooks trained on the rows of half of the groups (sequences), counted on the rows of the other half.

    rows: (n, d); groups: (n,), the sequence of each row; the halves are `split_groups(groups, settings.seed)`.
    device: as of `quantize`. Raises Undefined for fewer than two groups, and where `quantize` does.
    """
    return quantize_heldout_together(rows, groups, settings, [settings.seed], device=device, progress=progress)[0]


def quantize_heldout_together(
    rows: FloatArray,
    groups: IntArray,
    settings: QuantizerSettings,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[Codes]:
    """`quantize_heldout` by each of the seeds, as `quantize_together` is `quantize`: all halves are held at a time."""
    tasks = []
    for seed in seeds:
        trains = split_groups(groups, seed)
        tasks.append(Task.of(rows[~trains], replace(settings, seed=seed), rows[trains]))
    return [codes for _, codes in _all_quantized(tasks, device, progress)]


def rows_a_cell_caution(trained: int, settings: QuantizerSettings) -> str | None:
    """What to say of codebooks trained on so few rows that their cells tell of the training more than of the rows."""
    additive = settings.kind in ("lsq", "lsq-faiss")
    fewest = settings.codebooks * _FEWEST_ROWS_A_VECTOR if additive else _FEWEST_ROWS_A_CLUSTER
    share = trained / settings.cells
    if share >= fewest:
        return None
    return (
        f"{trained:,} rows trained the {settings.cells} cells of each codebook, {share:.1f} a cell: below {fewest:g} "
        "the codebooks fit these rows one by one and tell little of any others; take more --sequences and --points, "
        "or fewer --bits"
    )


def origin_caution(away: float) -> str | None:
    """What to say of "lsq-faiss" on rows whose mean lies `away` of their radii from the origin; None where nothing."""
    if away < _FAR:
        return None
    return (
        f"the rows' mean lies {away:.3g} of their radii from the origin, about which FAISS's LSQ fits and searches in "
        "float32: its error is not that of the best codes; take --quantizer lsq"
    )


def split_groups(groups: IntArray, seed: int) -> npt.NDArray[np.bool_]:
    """Which rows train a held-out quantizer: bool (n,), equal within a group.

    The distinct groups, sorted, are permuted by a generator seeded with (seed, 0x48616C66); the first half of them
    (the smaller half of an odd number) trains. So the split depends on the groups and the seed, not on row order.
    """
    names = np.unique(groups)
    if len(names) < 2:
        raise Undefined("held-out codebooks need rows from at least two sequences, and all rows are of one")
    shuffled = np.random.default_rng([seed, 0x48616C66]).permutation(names)
    return np.isin(groups, shuffled[: len(names) // 2])


def _codes(rows: FloatArray, books: Codebooks, codes: CodeArray, cells: int) -> Codes:
    """Counts and float64 sums of rows that were given these codes."""
    counts = np.stack([np.bincount(column, minlength=cells) for column in codes.T]).astype(np.int64)
    mean = rows.mean(axis=0, dtype=np.float64)
    sums = np.empty((3, len(rows)))
    start = 0
    for block in blocks(rows):
        here = slice(start, start + len(block))
        start += len(block)
        rebuilt = books.decode(codes[here])
        sums[1, here] = np.einsum("ij,ij->i", block, block)
        rebuilt -= block
        sums[0, here] = np.einsum("ij,ij->i", rebuilt, rebuilt)
        block -= mean
        sums[2, here] = np.einsum("ij,ij->i", block, block)
    error, energy, centered = sums.sum(axis=1).tolist()
    return Codes(counts, error, energy, centered, codes, sums)


def _local_search(tasks: Sequence[Task], device: str, progress: Progress | None) -> list[tuple[Codebooks, CodeArray]]:
    from geoscope.passes.quantizers import local_search  # compiles

    settings = tasks[0].settings
    size, what = (settings.codebooks, settings.cells), f"training {settings} codebooks"
    seeds = [_LSQ_SEED + task.settings.seed for task in tasks]
    trained = local_search.train_together(
        [(task.training, seed) for task, seed in zip(tasks, seeds, strict=True)],
        *size, device=device, progress=progress, what=what,
    )  # fmt: skip
    codes = [each.codes for each in trained]
    if tasks[0].counted is not tasks[0].training:
        others = [task.counted for task in tasks]
        codes = local_search.encode_together(list(zip(others, trained, seeds, strict=True)), device=device)
    return [
        (Codebooks(each.tables, additive=True, centre=each.centre), _smallest(held, settings.bits))
        for each, held in zip(trained, codes, strict=True)
    ]


def _with_faiss(
    training: FloatArray, counted: FloatArray, settings: QuantizerSettings, progress: Progress | None
) -> tuple[Codebooks, CodeArray]:
    faiss = faiss_package()
    if gpus():
        leave_room()
    if progress is not None:  # FAISS trains in one call: there is nothing to count
        progress(0, 2, f"training {settings} codebooks with FAISS")
    quantizer = {"lsq-faiss": _additive, "pq": _product, "kmeans": _kmeans}[settings.kind]
    tables, codes = quantizer(faiss, training, counted, settings)
    if progress is not None:
        progress(2, 2, f"training {settings} codebooks with FAISS")
    books = Codebooks(tables, additive=settings.kind != "pq", centre=np.zeros(training.shape[1]))
    return books, _smallest(codes, settings.bits)


def _kmeans(
    faiss: ModuleType, training: FloatArray, counted: FloatArray, settings: QuantizerSettings
) -> tuple[FloatArray, IntArray]:
    d, seed = training.shape[1], _faiss_seed(_PQ_SEED, settings)
    clustering = faiss.Kmeans(d, settings.cells, seed=seed, gpu=gpus() > 0, min_points_per_centroid=1)
    clustering.train(training)
    _, codes = clustering.index.search(counted, 1)
    return clustering.centroids.reshape(1, settings.cells, d), codes


def _product(
    faiss: ModuleType, training: FloatArray, counted: FloatArray, settings: QuantizerSettings
) -> tuple[FloatArray, IntArray]:
    d = training.shape[1]
    quantizer = faiss.ProductQuantizer(d, settings.codebooks, settings.bits)
    quantizer.cp.seed = _faiss_seed(_PQ_SEED, settings)
    quantizer.cp.min_points_per_centroid = 1  # only silences a warning
    quantizer.train(training)
    tables = faiss.vector_to_array(quantizer.centroids).reshape(settings.codebooks, settings.cells, -1)
    return tables, _unpacked(faiss, quantizer.compute_codes(counted), settings)


def _additive(
    faiss: ModuleType, training: FloatArray, counted: FloatArray, settings: QuantizerSettings
) -> tuple[FloatArray, IntArray]:
    d = training.shape[1]
    quantizer = faiss.LocalSearchQuantizer(d, settings.codebooks, settings.bits)
    quantizer.random_seed = _faiss_seed(_LSQ_SEED, settings)
    quantizer.nperts = min(quantizer.nperts, settings.codebooks)  # FAISS refuses more perturbations than codebooks
    encoders = gpu_encoders(settings.cells, d)
    if encoders:
        quantizer.icm_encoder_factory = faiss.GpuIcmEncoderFactory(encoders)  # owned by the quantizer from here on
    quantizer.train(training)
    packed = quantizer.compute_codes(counted)
    tables = faiss.vector_to_array(quantizer.codebooks).reshape(settings.codebooks, settings.cells, d)
    return tables, _unpacked(faiss, packed, settings)


def _faiss_seed(default: int, settings: QuantizerSettings) -> int:
    return (default + settings.seed) % 2**31  # a C int


def _unpacked(faiss: ModuleType, packed: npt.NDArray[np.uint8], settings: QuantizerSettings) -> IntArray:
    """Codes come packed bit by bit: the bytes are cells only where a code is 8 bits."""
    cells: IntArray = faiss.unpack_bitstrings(packed, settings.codebooks, settings.bits)
    return cells


def _smallest(codes: npt.NDArray[np.signedinteger[Any]], bits: int) -> CodeArray:
    return codes.astype(np.uint8) if bits <= 8 else codes.astype(np.uint16)

"""Settings of a measure that is called on rows, and what each means."""

from __future__ import annotations

from typing import TypedDict

import numpy.typing as npt


class Settings(TypedDict, total=False):
    """Every keyword that some measure takes; their defaults are those of `Passes.over` and of the formulas."""

    two_nn_discard: float
    isoscore_zeta: float
    alpha_req_ranks: str
    isoscore_reference: npt.ArrayLike | None
    groups: npt.ArrayLike | None
    positions: npt.ArrayLike | None
    quantizer: str
    codebooks: int
    bits: int
    seed: int
    device: str
    memory: int | None


MEANINGS: dict[str, tuple[str, str]] = {
    "two_nn_discard": ("float", "share of the largest ratios r2/r1 that is left out, from 0 to below 1"),
    "alpha_req_ranks": ("str", "the first and the last rank that the power law is fitted to, such as 11-100"),
    "isoscore_zeta": (
        "float",
        "weight of the reference, 0 to 1; 0 leaves the rows' own covariance (the released code's convention)",
    ),
    "isoscore_reference": (
        "array_like of shape (d, d), optional",
        "covariance C0 to shrink towards, on the rows' own scale; without it the scaled identity (tr S / d) I",
    ),
    "groups": (
        "array_like of shape (n,), optional",
        "which sequence each row is of, as integers or strings; without it each row is a sequence of its own",
    ),
    "positions": (
        "array_like of shape (n,), optional",
        "each row's place in its sequence, 0 for the first token; without it no row is known to stand there",
    ),
    "quantizer": (
        "str",
        'what learns the cells: "lsq" (local search), "lsq-faiss" (the same by FAISS), "pq" (product) or "kmeans"',
    ),
    "codebooks": ("int", "tables of cells; kmeans has one"),
    "bits": ("int", "2^bits cells a codebook, 1 to 12"),
    "seed": ("int", "of the training, or of the halves that are drawn"),
    "device": ("str", "where torch searches for neighbours, such as cpu or cuda; it changes no more than rounding"),
    "memory": ("int, optional", "bytes that blocks of pairs may take (256 MiB unless given); it changes no value"),
}
"""numpydoc's type of each setting, and what it means."""

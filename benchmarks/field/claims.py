"""Claims: what papers say of layers, and what three checkpoints show of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.field.looks import Look, Z, apart
from benchmarks.papers.findings import OPEN, Finding
from geoscope.report import Measurement

SEEN, UNSEEN = "seen", "not seen"
"""Beside OPEN, what is said of a claim."""


@dataclass(frozen=True)
class Claim:
    """A paper's sentence, in our words."""

    words: str
    paper: str
    seen: Callable[[Look], Finding]


def peak(key: str, *, low: bool = False) -> Callable[[Look], Finding]:
    """Whether a measure has its highest (or lowest) layer between the ends, beyond both by their errors."""

    def seen(held: Look) -> Finding:
        rows = held.rows(key)
        if len(rows) < 3:
            return Finding(f"{key} has too few layers", OPEN)
        sign = -1.0 if low else 1.0
        layers = sorted(rows)
        top = max(layers, key=lambda layer: sign * float(rows[layer].value or 0.0))
        ends = [apart(rows[top], rows[end]) for end in (layers[0], layers[-1])]
        told = ", ".join(f"{rows[layer].value:.4g} at layer {layer}" for layer in dict.fromkeys((0, top, layers[-1])))
        if top in (layers[0], layers[-1]):
            return Finding(f"{key}: {told}", UNSEEN)
        beyond = all(end is not None and sign * end > Z for end in ends)
        return Finding(f"{key}: {told}", SEEN if beyond else OPEN)

    return seen


def massive(held: Look) -> Finding:
    """Layers whose largest activation is a thousand medians and more."""
    ratios = held.values("largest_activation_ratio")
    large = [layer for layer, ratio in ratios.items() if ratio > 1000]
    top = max(ratios, key=lambda layer: ratios[layer])
    told = f"largest_activation_ratio up to {ratios[top]:,.0f} at layer {top}"
    if not large:
        return Finding(told, UNSEEN)
    return Finding(f"{told}; above 1,000 in layers {_spans(large)} of 0 to {max(ratios)}", SEEN)


def sink(held: Look) -> Finding:
    """Whether the layers of massive activations hold their energy in the first position."""
    ratios, shares = held.values("largest_activation_ratio"), held.values("first_position_energy")
    large = [layer for layer, ratio in ratios.items() if ratio > 1000]
    if not large:
        return Finding("no layer has such activations", OPEN)
    least = min(shares.get(layer, 0.0) for layer in large)
    others = [share for layer, share in shares.items() if layer not in large]
    most = f"; at most {max(others):.2f} in others" if others else ""
    return Finding(f"first_position_energy at least {least:.2f} in those layers{most}", SEEN if least > 0.5 else UNSEEN)


def above_null(key: str) -> Callable[[Look], Finding]:
    """In how many layers a measure is above its null, by its error; without one it stays open how far is far enough."""

    def seen(held: Look) -> Finding:
        known = [row for row in held.rows(key).values() if row.null is not None]
        if not known:
            return Finding(f"{key} has no layer with a null", OPEN)
        above = [row for row in known if float(row.value or 0) - float(row.null or 0) > Z * (row.standard_error or 0.0)]
        told = f"{key} {_range(known, 'value')}, its null {_range(known, 'null')}"
        told = f"{told}; above it in {len(above)} of {len(known)} layers"
        if any(row.standard_error is None for row in known):
            return Finding(f"{told}, and without an error", OPEN)
        return Finding(told, SEEN if 2 * len(above) > len(known) else UNSEEN)

    return seen


def _range(rows: Sequence[Measurement], name: str) -> str:
    values = [float(getattr(row, name)) for row in rows]
    return f"{min(values):.3g} to {max(values):.3g}"


def falls(key: str) -> Callable[[Look], Finding]:
    """Whether a measure's lowest layer above the embeddings lies below the embeddings, by their errors."""

    def seen(held: Look) -> Finding:
        rows = held.rows(key)
        if 0 not in rows or len(rows) < 2:
            return Finding(f"{key} lacks layers", OPEN)
        lowest = min((layer for layer in rows if layer), key=lambda layer: float(rows[layer].value or 0.0))
        less = apart(rows[0], rows[lowest])
        told = f"{key}: {rows[0].value:.4g} at layer 0, lowest {rows[lowest].value:.4g} at layer {lowest}"
        if less is None:
            return Finding(told, OPEN)
        return Finding(told, SEEN if less > Z else UNSEEN if less < -Z else OPEN)

    return seen


def plateau(held: Look) -> Finding:
    """In how many layers the dimension at 8 neighbours is told apart from that at 1, rows of a sequence left out."""
    known = [row for row in held.rows("gride_scale_slope").values() if row.standard_error]
    if not known:
        return Finding("gride_scale_slope has no layer with an error", OPEN)
    moved = [row for row in known if abs(float(row.value or 0.0)) > Z * float(row.standard_error or 0.0)]
    told = f"gride_scale_slope {_range(known, 'value')}; told apart from 0 in {len(moved)} of {len(known)} layers"
    return Finding(told, UNSEEN if 2 * len(moved) > len(known) else OPEN)


def _spans(layers: list[int]) -> str:
    """Numbers as spans: 2 to 5, 9."""
    spans: list[list[int]] = []
    for layer in sorted(layers):
        if spans and layer == spans[-1][-1] + 1:
            spans[-1].append(layer)
        else:
            spans.append([layer])
    return ", ".join(f"{span[0]} to {span[-1]}" if len(span) > 1 else str(span[0]) for span in spans)


CLAIMS = (
    Claim(
        "Intrinsic dimension rises to a peak in the middle layers, then falls.",
        "Valeriani et al. 2023, arXiv 2302.00294",
        peak("gride_across_8"),
    ),
    Claim(
        "Decoders' anisotropy is a bell over the layers.",
        "Razzhigaev et al. 2023, arXiv 2311.05928",
        peak("anisotropy"),
    ),
    Claim(
        "From an early layer to one of the last, a few activations are a thousand times the others.",
        "Sun et al. 2024, arXiv 2402.17762, of decoders and ViTs",
        massive,
    ),
    Claim("They stand at the first position.", "Sun et al. 2024; Xiao et al. 2023, arXiv 2309.17453", sink),
    Claim(
        "A few rows are among the nearest of very many, more than of noise.",
        "Radovanovic et al. 2010, JMLR 11:2487",
        above_null("hubness_skewness"),
    ),
    Claim(
        "Paths from token to token straighten with depth.",
        "Hosseini and Fedorenko 2023, arXiv 2311.04930",
        falls("trajectory_curvature"),
    ),
    Claim(
        "Tokens of a text spread over fewer directions in the middle layers.",
        "Skean et al. 2025, arXiv 2502.02013, of decoders",
        peak("prompt_entropy", low=True),
    ),
    Claim(
        "Dimension is the same over a range of scales, once a sequence's own rows are left out.",
        "Denti et al. 2022, doi 10.1038/s41598-022-20991-1, of where a plateau is to be sought",
        plateau,
    ),
)

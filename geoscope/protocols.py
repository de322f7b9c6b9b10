"""Protocols: how published works sampled, pooled and measured, as options by name; those that are given go first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.wording import meant


@dataclass(frozen=True)
class Protocol:
    """The options of `measure` that a work stands for, and where it did something else (departs)."""

    name: str
    work: str
    options: Mapping[str, Any]
    departs: str


PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "marbut2024", "Marbut et al. 2024, arXiv 2406.12159",
            {
                "corpora": ["ptb", "wikitext2"], "words": "4-49", "sequences": 5000, "max_length": 128,
                "layers": "last", "pooling": "tokens", "tokens": "all", "points": None,
                "quantizer": "lsq", "codebooks": 4, "bits": 8,
                "measures": [
                    "isoscore", "eigenvalue_early_enrichment", "vasicek_ratio_mse", "patchiness", "patchiness_paper",
                    "reconstruction_error",
                ],
            },
            "it drew lines unseeded, each split of a corpus as likely as another, and cut them at the model's limit",
        ),
        Protocol(
            "rudman2024", "Rudman and Eickhoff 2024 (I-STAR), arXiv 2305.19358",
            {
                "sequences": 872, "max_length": 256, "layers": "union", "pooling": "tokens", "tokens": "all",
                "isoscore_zeta": 0.0,
                "measures": ["average_cosine_similarity", "isoscore_star", "isoscore", "two_nn"],
            },
            "its text was each task's evaluation set (872 of SST-2), so give --corpus; TwoNN saw every row; of single "
            "layers it gave the first tokens' IsoScore* at zeta 0.75 towards 250,000 training tokens' covariance",
        ),
        Protocol(
            "kudriashov2025", "Kudriashov et al. 2025, arXiv 2501.05502",
            {
                "sequences": 64, "max_length": 512, "layers": "last", "pooling": "cls", "tokens": "all", "points": None,
                "measures": ["anisotropy", "anisotropy_uncentered", "persistent_entropy"],
            },
            "its text was MRPC and CoLA, so give --corpus; it took the entropy of each class apart, with dropout on",
        ),
        Protocol(
            "razzhigaev2023", "Razzhigaev et al. 2023, arXiv 2311.05928",
            {"layers": "all", "pooling": "tokens", "tokens": "all", "measures": ["anisotropy", "two_nn"]},
            "its dimension was fitted to the lowest fifth of the ratios of distances scaled by their mean",
        ),
        Protocol(
            "ethayarajh2019", "Ethayarajh 2019, arXiv 1909.00512",
            {
                "sequences": 1000, "layers": "all", "pooling": "tokens", "tokens": "all",
                "measures": ["average_cosine_similarity"],
            },
            "it drew one token a sentence and 1,000 pairs of them, a token with itself now and then; here all pairs of "
            "all tokens count",
        ),
    )
}  # fmt: skip


def resolved(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `measure` with those of the protocol they name, if any, where they say nothing themselves.

    Raises GeoscopeError for a name that is none of the protocols'.
    """
    name = keywords.get("protocol")
    if name is None:
        return dict(keywords)
    if name not in PROTOCOLS:
        raise GeoscopeError(
            f"expected --protocol to be one of {', '.join(PROTOCOLS)}, got {name!r}; "
            f"{meant(str(name), PROTOCOLS, 'give one of them')}"
        )
    return {**PROTOCOLS[name].options, **keywords}

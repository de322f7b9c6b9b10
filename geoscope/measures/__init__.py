"""Every measure by its key: `two_nn(rows)` on an (n, d) array, `two_nn.formula(...)` on passes made before."""

from geoscope.measures.angular import average_cosine_similarity
from geoscope.measures.collapse import neighbour_spread, offset_energy, rank_share
from geoscope.measures.dimension import same_sequence_neighbours, two_nn, two_nn_across, two_nn_mle
from geoscope.measures.energy import first_position_energy, top_dimension_energy
from geoscope.measures.libraries.scikit_dimension import (
    skdim_corrint,
    skdim_fishers,
    skdim_lpca,
    skdim_mada,
    skdim_mle,
    skdim_mom,
    skdim_tle,
)
from geoscope.measures.quantization import (
    patchiness,
    patchiness_heldout,
    patchiness_paper,
    reconstruction_error,
    reconstruction_error_centered,
    reconstruction_error_heldout,
)
from geoscope.measures.spectral import (
    anisotropy,
    anisotropy_uncentered,
    effective_rank,
    eigenvalue_early_enrichment,
    isoscore,
    isoscore_corrected,
    isoscore_star,
    participation_ratio,
    participation_ratio_corrected,
    vasicek_ratio_mse,
)
from geoscope.measures.topology import (
    persistent_entropy,
    persistent_entropy_deficit,
    persistent_entropy_normalized,
    prominent_bars,
)

__all__ = [
    "anisotropy",
    "anisotropy_uncentered",
    "average_cosine_similarity",
    "effective_rank",
    "eigenvalue_early_enrichment",
    "first_position_energy",
    "isoscore",
    "isoscore_corrected",
    "isoscore_star",
    "neighbour_spread",
    "offset_energy",
    "participation_ratio",
    "participation_ratio_corrected",
    "patchiness",
    "patchiness_heldout",
    "patchiness_paper",
    "persistent_entropy",
    "persistent_entropy_deficit",
    "persistent_entropy_normalized",
    "prominent_bars",
    "rank_share",
    "reconstruction_error",
    "reconstruction_error_centered",
    "reconstruction_error_heldout",
    "same_sequence_neighbours",
    "skdim_corrint",
    "skdim_fishers",
    "skdim_lpca",
    "skdim_mada",
    "skdim_mle",
    "skdim_mom",
    "skdim_tle",
    "top_dimension_energy",
    "two_nn",
    "two_nn_across",
    "two_nn_mle",
    "vasicek_ratio_mse",
]

"""The measures of every report: one literal row each, all that is known of one but its formula and its tests."""

from __future__ import annotations

from geoscope.catalogue.traits import (
    EIGEN,
    ENERGY_LIMIT,
    MATCHED,
    PAIRS,
    QUANTIZED_NULL,
    SEQUENCES,
    SIZE,
    STREAM,
    TEXT,
    TRAIN,
    Measure,
    Sign,
)

_RAZZHIGAEV = "Razzhigaev et al. 2023, arXiv 2311.05928"
_RUDMAN = "Rudman et al. 2022, arXiv 2108.07344"
_ISTAR = "Rudman and Eickhoff 2024, arXiv 2305.19358"
_ETHAYARAJH = "Ethayarajh 2019, arXiv 1909.00512"
_ATIENZA = "Atienza et al. 2016, arXiv 1605.02885"
_KUDRIASHOV = "Kudriashov et al. 2025, arXiv 2501.05502"
_MARBUT = "Marbut et al. 2024, arXiv 2406.12159"
_MARBUT23 = "Marbut et al. 2022, arXiv 2212.08172"
_CHEN = "Chen et al. 2010, doi 10.1198/jasa.2010.tm09560"
_MU = "Mu and Viswanath 2018, arXiv 1702.01417"
_ROY = "Roy and Vetterli 2007, EUSIPCO"
_FACCO = "Facco et al. 2017, doi 10.1038/s41598-017-11873-y"

DEFAULT_MEASURES: tuple[Measure, ...] = (
    Measure(
        "anisotropy", "anisotropy", "share of the centred energy along the first principal axis",
        "1/min(n-1, d) to 1", "larger: one direction holds more of the spread",
        "isotropic Gaussian: mean of Tracy-Widom's law, a little below (sqrt m + sqrt d)^2 / (m d), m = n-1", EIGEN,
        "the mean (cone offset) and everything past the first axis", _RAZZHIGAEV,
        sees="rows", moves_with=SIZE, null_by="largest-share", error="jackknife", highest=1.0,
    ),
    Measure(
        "anisotropy_uncentered", "anisotropy", "the same without centring",
        "1/min(n, d) to 1", "larger: the mean or one axis dominates",
        "isotropic Gaussian: mean of Tracy-Widom's law, a little below (sqrt n + sqrt d)^2 / (n d)", EIGEN,
        "whether the mean or a spread direction is the cause", _KUDRIASHOV,
        sees="rows", moves_with=SIZE, null_by="largest-uncentred-share", error="jackknife", highest=1.0,
    ),
    Measure(
        "average_cosine_similarity", "anisotropy", "mean cosine over all pairs of different rows, exact",
        "-1/(n-1) to 1", "larger: rows point the same way",
        "isotropic Gaussian: 0", "n d, streamed", "row lengths, and structure around a common mean", _ETHAYARAJH,
        sees="rows", moves_with=(SEQUENCES,), null_by="zero", error="directions", lowest=-1.0, highest=1.0,
    ),
    Measure(
        "isoscore_star", "isotropy", "IsoScore of the covariance shrunk towards a reference by zeta",
        "0 to 1", "larger: variance spread over more dimensions",
        "isotropic Gaussian, zeta 0: ((d m + 2)/(m+d+1) - 1)/(d-1), m = n-1", STREAM,
        "the mean; which dimensions; with zeta, the scale it is not told of", _ISTAR,
        sees="rows", moves_with=SIZE, null_by="isotropic-isoscore", error="jackknife", highest=1.0, settings=("isoscore_zeta", "isoscore_reference"),
    ),
    Measure(
        "isoscore", "isotropy", "(participation ratio - 1)/(d - 1)",
        "0 to (min(n-1, d) - 1)/(d - 1)", "larger: variance spread over more dimensions",
        "isotropic Gaussian: ((d m + 2)/(m+d+1) - 1)/(d-1), m = n-1", STREAM,
        "the mean; grows with n until n is about 100 d", _RUDMAN,
        sees="rows", moves_with=SIZE, null_by="isotropic-isoscore", error="jackknife", highest=1.0,
    ),
    Measure(
        "participation_ratio", "isotropy", "(tr S)^2 / tr S^2: how many dimensions carry the variance",
        "1 to min(n-1, d)", "larger: more dimensions in use",
        "isotropic Gaussian: (d m + 2)/(m+d+1), m = n-1", STREAM,
        "the mean; small variances next to large ones", _RUDMAN,
        sees="rows", moves_with=SIZE, null_by="participation", error="jackknife", lowest=1.0,
    ),
    Measure(
        "effective_rank", "isotropy", "exp of the entropy of the normalised singular values of the centred rows",
        "1 to min(n-1, d)", "larger: more dimensions in use",
        "isotropic Gaussian: near min(n-1, d)", EIGEN,
        "the mean; less forgiving of a long tail than the participation ratio",
        _ROY,
        sees="rows", moves_with=SIZE, null_by="spectrum", error="jackknife", lowest=1.0,
    ),
    Measure(
        "eigenvalue_early_enrichment", "isotropy", "area between the cumulative spectrum and its diagonal",
        "0 to (1 - 1/k)^2, k = min(n, d)", "larger: variance concentrated in the first axes",
        "isotropic Gaussian: falls towards 0 as n/d grows", EIGEN,
        "the mean; the order of the small eigenvalues", _MARBUT23,
        sees="rows", moves_with=SIZE, null_by="spectrum", error="jackknife", highest=1.0,
    ),
    Measure(
        "vasicek_ratio_mse", "isotropy", "squared distance of each principal component's entropy power from a unit Gaussian's",
        "0 upwards", "larger: further from one round Gaussian",
        "isotropic Gaussian: near 0", "p d^2 + p d log p",
        "dependence between components", _MARBUT23,
        sees="points", moves_with=SIZE, null_by="components", error="paired-half-samples",
    ),
    Measure(
        "isoscore_corrected", "isotropy", "isoscore freed of finite-sample bias",
        "about 0 to 1, unclipped", "larger: variance spread over more dimensions",
        "isotropic Gaussian: 1 on average", STREAM,
        "the mean; noisier than isoscore at small n", _CHEN,
        sees="rows", moves_with=(), null_by="one", error="jackknife", lowest=None,
    ),
    Measure(
        "participation_ratio_corrected", "isotropy", "participation ratio freed of finite-sample bias",
        "about 1 to d, unclipped", "larger: more dimensions in use",
        "isotropic Gaussian: d on average", STREAM,
        "the mean; noisier than participation_ratio at small n", _CHEN,
        sees="rows", moves_with=(), null_by="dimension", error="jackknife", lowest=None,
    ),
    Measure(
        "persistent_entropy", "persistence", "entropy (nats) of the lengths of the finite H0 Vietoris-Rips bars",
        "0 to ln(p - 1)", "larger: the gaps between points are more alike",
        f"{MATCHED}: nearly ln m where many directions carry the variance; below it, gaps vary more than that", PAIRS,
        "offset, rotation and scale; anisotropy as such; compare only at equal p", _KUDRIASHOV,
        sees="pairs", moves_with=TEXT, null_by="matched", error="jackknife-of-deficit", offset="ln m",
    ),
    Measure(
        "persistent_entropy_normalized", "persistence", "persistent entropy / ln m, m positive bars",
        "0 to 1", "larger: the gaps between points are more alike",
        f"{MATCHED}: near 1 where many directions carry the variance; below it, gaps vary more than that", PAIRS,
        "as persistent_entropy, and saturates at 1", _KUDRIASHOV,
        sees="pairs", moves_with=TEXT, null_by="matched", error="jackknife", highest=1.0, offset="1",
    ),
    Measure(
        "persistent_entropy_deficit", "persistence", "ln m - persistent entropy; about half the squared variation of the bars",
        "0 to ln m", "larger: some gaps are much longer than others",
        f"{MATCHED}: near 0 where many directions carry the variance; above it, gaps vary more than that", PAIRS,
        "offset, rotation and scale", _KUDRIASHOV,
        sees="pairs", moves_with=TEXT, null_by="matched", error="jackknife",
    ),
    Measure(
        "prominent_bars", "persistence", "bars kept by the relative-entropy rule, the longest counted",
        "0 to m", "larger: more separated groups stand out",
        f"{MATCHED}: how many such points have by chance", PAIRS,
        "groups inside groups: stops at the first bar that fails", _ATIENZA,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none",
        no_error="it counts a few bars, and the jumps of a count are no error of an estimate",
    ),
    Measure(
        "patchiness", "patchiness", "Lloyd's index of crowding of the quantizer's cells, mean over codebooks",
        "0 to K + 1", "larger: points crowd into few cells",
        f"{QUANTIZED_NULL}; not 1: it depends on quantizer, n and d", TRAIN,
        "where the crowded cells are; comparable only at equal quantizer, n and d", _MARBUT,
        sees="codes", moves_with=TEXT, null_by="matched", error="jackknife",
    ),
    Measure(
        "patchiness_paper", "patchiness", "the published script's scale of the same counts",
        "1 - K/(M n) to about 1 + (K - 1)/M^2", "larger: points crowd into few cells",
        f"{QUANTIZED_NULL}: it depends on quantizer, n and d", TRAIN,
        "as patchiness; squeezed by the square of the number of codebooks", _MARBUT,
        sees="codes", moves_with=TEXT, null_by="matched", error="jackknife", offset="1",
    ),
    Measure(
        "patchiness_heldout", "patchiness", "patchiness of half of the sequences in cells learnt from the other half",
        "0 to K + 1", "larger: points crowd into few cells",
        f"{QUANTIZED_NULL}: it depends on quantizer, n and d", TRAIN,
        "as patchiness", _MARBUT,
        sees="codes", moves_with=TEXT, null_by="matched", error="jackknife",
    ),
    Measure(
        "reconstruction_error", "reconstruction", "sum |x - x^|^2 / sum |x|^2 of the quantizer",
        "0 upwards, in practice below 1", "larger: the codebooks describe the rows worse",
        f"{QUANTIZED_NULL}: the smaller, the fewer directions carry the variance", TRAIN,
        "an offset: a far one makes it small", _MARBUT,
        sees="codes", moves_with=TEXT, null_by="matched", error="jackknife",
    ),
    Measure(
        "reconstruction_error_centered", "reconstruction", "the same error over the centred energy",
        "0 upwards, in practice below 1", "larger: the codebooks describe the rows worse",
        f"{QUANTIZED_NULL}: the smaller, the fewer directions carry the variance", TRAIN,
        "which rows are described badly", _MARBUT,
        sees="codes", moves_with=TEXT, null_by="matched", error="jackknife",
    ),
    Measure(
        "reconstruction_error_heldout", "reconstruction", "the error on half of the sequences with codebooks learnt from the other half",
        "0 upwards", "larger: the codebooks describe unseen rows worse",
        f"{QUANTIZED_NULL}: the smaller, the fewer directions carry the variance", TRAIN,
        "an offset: a far one makes it small", _MARBUT,
        sees="codes", moves_with=TEXT, null_by="matched", error="jackknife",
    ),
    Measure(
        "two_nn", "dimension", "intrinsic dimension from the ratio of the two nearest distances, linear fit",
        "above 0", "larger: locally more dimensions",
        f"{MATCHED}: falls with the directions that carry the variance; below it, neighbours lie on something thinner", PAIRS,
        "global shape; on text, reads how densely sentences were sampled", _FACCO,
        sees="pairs", moves_with=TEXT, null_by="matched", error="half-samples", settings=("two_nn_discard",),
    ),
    Measure(
        "two_nn_mle", "dimension", "the same by censored maximum likelihood",
        "above 0", "larger: locally more dimensions",
        f"{MATCHED}: falls with the directions that carry the variance; below it, neighbours lie on something thinner", PAIRS,
        "as two_nn", _FACCO,
        sees="pairs", moves_with=TEXT, null_by="matched", error="half-samples", settings=("two_nn_discard",),
    ),
    Measure(
        "two_nn_across", "dimension", "TwoNN on the two nearest rows of other sequences",
        "above 0", "larger: locally more dimensions",
        f"{MATCHED}: above two_nn's where sequences lie apart; below it, rows of other sequences meet on something thinner", PAIRS,
        "structure within a sequence", _FACCO,
        sees="pairs", moves_with=TEXT, null_by="matched", error="split-halves", settings=("two_nn_discard",),
    ),
    Measure(
        "same_sequence_neighbours", "dimension", "share of rows whose nearest neighbour is of their own sequence",
        "0 to 1", "larger: a sequence's rows huddle together",
        f"{MATCHED}: large where sequences differ in their means; below it, neighbours are more often of other sequences", PAIRS,
        "anything but the first neighbour", _FACCO,
        sees="pairs", moves_with=TEXT, null_by="matched", error="jackknife", highest=1.0,
    ),
    Measure(
        "first_position_energy", "warning signs", "share of the centred energy in the rows of position 0",
        "0 to 1", f"larger: an attention sink; above {ENERGY_LIMIT} it drives the other numbers",
        "isotropic Gaussian: the share of position-0 rows", "n d, streamed",
        "why", "Xiao et al. 2023, arXiv 2309.17453",
        sees="rows", moves_with=(), null_by="position-0-share", error="jackknife", highest=1.0,
        warning="the rows of position 0 hold {share} of the centred energy{where} and sway the other numbers; `--tokens no-first` leaves them out",
    ),
    Measure(
        "top_dimension_energy", "warning signs", "share of the centred energy in the 3 largest dimensions",
        "3/d to 1", f"larger: rogue dimensions; above {ENERGY_LIMIT} they drive the other numbers",
        "isotropic Gaussian: a little over 3/d", "n d, streamed",
        "directions that are not coordinate axes", "Timkey and van Schijndel 2021, arXiv 2109.04404",
        sees="rows", moves_with=SIZE, null_by="top-dimensions", error="jackknife", highest=1.0,
        warning="the 3 largest dimensions hold {share} of the centred energy{where} and sway the other numbers",
    ),
    Measure(
        "offset_energy", "collapse", "share of the energy sum |x|^2 that the mean holds, without the largest dimensions",
        "0 to 1", "larger: the rows lie nearer to one point, seen from 0",
        "isotropic Gaussian: 1/n", "n d, streamed",
        "the 3 dimensions of most energy; what the rows differ in", _MU,
        sees="rows", moves_with=(SEQUENCES,), null_by="one-of-n", error="mean-share-but-the-largest", highest=1.0,
        collapsed=Sign("<=", 0.995, "rows lie at one point"),
    ),
    Measure(
        "rank_share", "collapse", "effective rank, from 0 (one direction) to 1 (all alike), without the largest dimensions",
        "0 to 1", "larger: more directions in use",
        "isotropic Gaussian: near 1 where n is many times d", EIGEN,
        "the mean; the 3 dimensions of most variance", _ROY,
        sees="rows", moves_with=SIZE, null_by="rank-share", error="none", highest=1.0,
        no_error="it is read against its limit for collapse",
        collapsed=Sign(">=", 0.1, "rows lie along few directions"),
    ),
    Measure(
        "neighbour_spread", "collapse", "standard deviation of ln(distance to the nearest row)",
        "0 upwards", "larger: dense in places, sparse in others; noise is near 0",
        f"{MATCHED}: small, the smaller the more directions carry the variance", PAIRS,
        "where the dense places are; rows that are equal", "Beyer et al. 1999, doi 10.1007/3-540-49257-7_15",
        sees="pairs", moves_with=TEXT, null_by="matched", error="half-samples",
        collapsed=Sign(">=", 0.1, "rows lie as far from each other as noise"),
    ),
)  # fmt: skip

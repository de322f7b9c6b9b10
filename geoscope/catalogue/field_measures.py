"""The measures that the field has come to use since: one literal row each, measured where they are asked for."""

from __future__ import annotations

from geoscope.catalogue.traits import EIGEN, MATCHED, PAIRS, SEQUENCES, SIZE, TEXT, Measure

_GARRIDO = "Garrido et al. 2022, arXiv 2210.02885"
_AGRAWAL = "Agrawal et al. 2022, NeurIPS"
_SMALL_ORDER = "leaving sequences out changes the order of small eigenvalues, and says up to twice the spread"
_SUN = "Sun et al. 2024, arXiv 2402.17762"
_DENTI = "Denti et al. 2022, doi 10.1038/s41598-022-20991-1"
_SCHWEINHART = "Schweinhart 2020, arXiv 1808.02196"
_RADOVANOVIC = "Radovanovic et al. 2010, JMLR 11:2487-2531"
_GRIDE_NULL = (
    f"{MATCHED}: falls with the directions that carry the variance, and with k; below it, rows lie on something thinner"
)
_GRIDE_NULL_ACROSS = f"{MATCHED}: falls with k; below it, rows of other sequences meet on something thinner"
_NO_ERROR_OF_ANTIHUBS = "parts of the sequences say 0.8 to 2.2 times the spread, by how few points it counts"
_NO_ERROR_OF_SKEWNESS = (
    "no part of the sequences says it: from 0.6 to 1.9 times the spread, by how many dimensions there are"
)

OF_EVERY_ROW: tuple[Measure, ...] = (
    Measure(
        "mean_energy_share", "anisotropy", "share of the energy sum |x|^2 that the rows' mean alone holds",
        "0 to 1", "larger: a cone around one direction",
        "isotropic Gaussian: 1/n", "n d, streamed",
        "everything but the mean", "Mu and Viswanath 2018, arXiv 1702.01417",
        sees="rows", moves_with=(SEQUENCES,), null_by="one-of-n", error="mean-share", highest=1.0, group="field",
    ),
    Measure(
        "rank_me", "isotropy", "exp of the entropy of the normalised singular values of the rows as they are",
        "1 to min(n, d)", "larger: more directions in use",
        "isotropic Gaussian: near min(n, d)", EIGEN,
        "which directions; a mean far from 0 hides all else", _GARRIDO,
        sees="rows", moves_with=SIZE, null_by="raw-spectrum", error="jackknife", lowest=1.0, group="field",
    ),
    Measure(
        "alpha_req", "isotropy", "exponent of the power law that the covariance eigenvalues of ranks 11 to 100 follow",
        "any, in practice 0 to 3", "larger: the spectrum falls faster",
        "isotropic Gaussian: towards 0 as n/d grows", EIGEN,
        "the mean; the first 10 axes; whether the law is a power law", _AGRAWAL,
        sees="rows", moves_with=SIZE, null_by="spectrum", error="none", lowest=None, group="field",
        no_error=_SMALL_ORDER, settings=("alpha_req_ranks",),
    ),
    Measure(
        "alpha_req_fit", "isotropy", "weighted R^2 of that power law",
        "0 to 1", "larger: the eigenvalues follow a power law more closely",
        "isotropic Gaussian: below 1, as its spectrum is none", EIGEN,
        "the exponent; the mean; the first 10 axes", _AGRAWAL,
        sees="rows", moves_with=SIZE, null_by="spectrum", error="none", highest=1.0, group="field",
        no_error=_SMALL_ORDER, settings=("alpha_req_ranks",),
    ),
    Measure(
        "largest_activation_ratio", "warning signs", "largest absolute value of every row over the median one of the sampled rows",
        "1 upwards", "larger: one value stands out; above 1000 it is called a massive activation",
        "Gaussian with the rows' own mean and variances: the larger, the more unlike these are", "n d, streamed",
        "how many values are large; where", _SUN,
        sees="rows", moves_with=SIZE, null_by="matched-values", error="none", lowest=1.0, group="field",
        no_error="it is a maximum, which leaving sequences out moves only where it is in them",
        warning="the largest activation is {times} times the usual one{where}: a massive activation, which may sway the other numbers; `--details` says where it is",
        warned_above=1000.0,
    ),
    Measure(
        "largest_dimension_kurtosis", "warning signs", "largest kurtosis of a dimension's values, 3 for a Gaussian",
        "1 to n", "larger: few rows hold a dimension's spread",
        "isotropic Gaussian: expected largest of d sample kurtoses, a little above 3 at large n", "n d, streamed",
        "a dimension that is large for every row; which rows", _SUN,
        sees="rows", moves_with=SIZE, null_by="largest-kurtosis", error="none", lowest=1.0, group="field",
        no_error="where several dimensions are nearly as large, leaving sequences out says up to 1.5 times the spread",
    ),
    Measure(
        "trajectory_curvature", "sequences", "mean angle (degrees) between the steps from token to token",
        "0 to 180", "larger: a sequence's rows turn more from token to token",
        "isotropic Gaussian, or a sequence's rows in any order: 120", "n d, streamed",
        "lengths of steps; offset, rotation and scale", "Hosseini and Fedorenko 2023, arXiv 2311.04930",
        sees="rows", moves_with=(), null_by="any-order", error="jackknife", highest=180.0, group="field",
    ),
    Measure(
        "prompt_entropy", "sequences", "entropy of the Gram spectrum of a sequence's rows over its largest possible value",
        "0 to 1", "larger: a sequence's rows spread over more directions",
        f"{MATCHED}: below it, a sequence's rows lie along fewer directions than these", "n T d, streamed",
        "how sequences differ; a mean far from 0 hides all else", "Skean et al. 2025, arXiv 2502.02013",
        sees="rows", moves_with=(), null_by="matched", error="jackknife", highest=1.0, group="field",
    ),
)  # fmt: skip

OF_PAIRS: tuple[Measure, ...] = (
    Measure(
        "gride_1", "dimension", "intrinsic dimension from the ratio of the distances to the 2k-th and the k-th nearest row, k = 1: the smallest scale",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL, PAIRS,
        "larger scales, global shape; on text, reads how densely sentences were sampled", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_2", "dimension", "the same at k = 2",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL, PAIRS,
        "other scales, global shape; on text, reads a sentence's own rows until k is its length", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_4", "dimension", "the same at k = 4",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL, PAIRS,
        "other scales, global shape; on text, reads a sentence's own rows until k is its length", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_8", "dimension", "the same at k = 8: the largest scale of the lists",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL, PAIRS,
        "other scales, global shape; on text, reads a sentence's own rows until k is its length", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_across_1", "dimension", "Gride on the nearest rows of other sequences, k = 1",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL_ACROSS, PAIRS,
        "structure within a sequence, larger scales; too large where two neighbours are of one sequence that huddles", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_across_2", "dimension", "the same at k = 2",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL_ACROSS, PAIRS,
        "structure within a sequence, and other scales", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_across_4", "dimension", "the same at k = 4",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL_ACROSS, PAIRS,
        "structure within a sequence, and other scales", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_across_8", "dimension", "the same at k = 8",
        "above 0", "larger: locally more dimensions",
        _GRIDE_NULL_ACROSS, PAIRS,
        "structure within a sequence, and other scales", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", group="field",
    ),
    Measure(
        "gride_scale_slope", "dimension", "ln(gride_across_8 / gride_across_1) / ln 8: how the dimension changes with the scale",
        "unbounded, in practice -1 to 1", "larger: more dimensions at larger scales; 0: one dimension at all of them",
        f"{MATCHED}: a little below 0; far from it, no one number is the dimension", PAIRS,
        "the dimension itself", _DENTI,
        sees="pairs", moves_with=TEXT, null_by="matched", error="linked-rows", lowest=None, group="field",
    ),
    Measure(
        "persistent_homology_dimension", "dimension", "how fast the spanning tree's total length grows with the number of points, as a dimension",
        "above 0", "larger: more dimensions",
        f"{MATCHED}: falls with the directions that carry the variance; below it, points lie on something thinner", PAIRS,
        "the tree beyond its length; on text, reads how densely sentences were sampled", _SCHWEINHART,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", group="field",
        no_error="leaving groups of sequences out says about twice the spread, and halves of the points more",
    ),
    Measure(
        "hubness_skewness", "hubness", "skewness of how many points have each point among their 10 nearest",
        "-1 to sqrt(p), in practice", "larger: a few points are everybody's neighbour",
        f"{MATCHED}: rises with p and with the directions that carry the variance; above it, there are hubs beyond that", PAIRS,
        "which points are hubs", _RADOVANOVIC,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", lowest=None, group="field",
        no_error=_NO_ERROR_OF_SKEWNESS,
    ),
    Measure(
        "antihub_share", "hubness", "share of the points that are among the 10 nearest of no other",
        "0 to 1", "larger: more points are nobody's neighbour",
        f"{MATCHED}: rises with p and with the directions that carry the variance; above it, more points lie apart than that", PAIRS,
        "which points these are", _RADOVANOVIC,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", highest=1.0, group="field",
        no_error=_NO_ERROR_OF_ANTIHUBS,
    ),
    Measure(
        "hubness_skewness_across", "hubness", "the skewness, each point choosing its 10 nearest of other sequences",
        "-1 to sqrt(p), in practice", "larger: a few points are everybody's neighbour",
        f"{MATCHED}: rises with p and with the directions that carry the variance; above it, there are hubs beyond that", PAIRS,
        "which points are hubs; neighbours of one sequence", _RADOVANOVIC,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", lowest=None, group="field",
        no_error=_NO_ERROR_OF_SKEWNESS,
    ),
    Measure(
        "antihub_share_across", "hubness", "the share, each point choosing its 10 nearest of other sequences",
        "0 to 1", "larger: more points are nobody's neighbour",
        f"{MATCHED}: rises with p and with the directions that carry the variance; above it, more points lie apart than that", PAIRS,
        "which points these are; neighbours of one sequence", _RADOVANOVIC,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", highest=1.0, group="field",
        no_error=_NO_ERROR_OF_ANTIHUBS,
    ),
)  # fmt: skip

FIELD_MEASURES: tuple[Measure, ...] = (*OF_EVERY_ROW, *OF_PAIRS)

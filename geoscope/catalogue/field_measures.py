"""The measures that the field has come to use since: one literal row each, measured where they are asked for."""

from __future__ import annotations

from geoscope.catalogue.traits import MATCHED, PAIRS, TEXT, Measure

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

FIELD_MEASURES: tuple[Measure, ...] = (
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

"""Claims: what each paper says, the steps that put it to the test, and what those found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.papers.findings import (
    AGAINST,
    AS_CLAIMED,
    NOT_RUN,
    OPEN,
    Estimate,
    Finding,
    against_none,
    correlations,
    leading_score,
    of_correlation,
    over_tasks,
    result,
    scores_of_arms,
    shown,
)
from benchmarks.papers.steps import MOVES

NO_RUN = Finding("", NOT_RUN)


@dataclass(frozen=True)
class Claim:
    """A paper's sentence, in our words; steps: those that test it, by what their names begin with."""

    words: str
    steps: tuple[str, ...]
    found: Callable[[], Finding]


@dataclass(frozen=True)
class Paper:
    """title, source: as cited. claims: line by line. limits: what runs so small cannot say."""

    title: str
    source: str
    claims: tuple[Claim, ...]
    limits: str


def _score(regularizer: str, weight: float | None, sign: int, what: str) -> Callable[[], Finding]:
    return lambda: over_tasks(
        lambda study: against_none(study, regularizer, leading_score(study), weight=weight), sign, what, of_scores=True
    )


def _moved(regularizer: str, measure: str, weight: float | None, sign: int, what: str, **where: Any) -> Any:
    return lambda: over_tasks(
        lambda study: against_none(study, regularizer, measure, weight=weight, **where), sign, what
    )


def _bars_kept() -> Finding:
    """What each selection keeps of a class's bars, and how far from its most the entropy of those is."""
    study = result("bars")
    if study is None:
        return NO_RUN
    kept, told = [], []
    for arm in study.arms:
        first = arm.penalties[0] if arm.penalties else None
        if first is None or first.penalty_bars_kept is None or first.penalty_bars is None:
            continue
        deficit = "none" if first.penalty_deficit is None else f"{first.penalty_deficit:.4f}"
        told.append(f"{_selection(arm)}: {first.penalty_bars_kept:.1f} of {first.penalty_bars:.1f}, deficit {deficit}")
        kept += [first.penalty_bars_kept] if arm.settings.get("selection") == "published" else []
    few = bool(kept) and max(kept) <= 6
    words = f"Bars kept of a class, and ln m - E of those, means over the epoch: {'; '.join(told)}."
    return Finding(words, AGAINST if few else OPEN)


def _selection(arm: Any) -> str:
    size = arm.settings.get("batch_size")
    return f"{arm.settings.get('selection') or arm.name}{'' if size is None else f' in batches of {size}'}"


def _of_one_seed(step: str, names: Any = lambda arm: arm.name) -> Callable[[], Finding]:
    """Every arm's scores, which one seed gives no interval for."""

    def found() -> Finding:
        study = result(step)
        return NO_RUN if study is None else Finding(f"{scores_of_arms(study, names)}; one seed, no interval.", OPEN)

    return found


def _small_samples() -> Finding:
    """IsoScore of the smallest sample less that of the full one, by the error of the former."""
    told, apart = [], []
    for name in ("size-demo", "size-mpnet"):
        curve = result(name)
        if curve is None:
            continue
        for key in ("isoscore", "isoscore_corrected"):
            first, last = curve.curve(key)[0], curve.curve(key)[-1]
            if first.value is None or last.value is None:
                continue
            half = None if first.standard_error is None else 1.96 * first.standard_error
            less = first.value - last.value
            less_by = Estimate(less, None if half is None else (less - half, less + half))
            told.append(f"{name.removeprefix('size-')}, {key} of {first.size} sequences less of {last.size}: {less_by}")
            apart += [less_by.verdict(-1)] if key == "isoscore" else []
    if not told:
        return NO_RUN
    return Finding("; ".join(told) + ".", AS_CLAIMED if set(apart) == {AS_CLAIMED} else OPEN)


def _noise(measure: str, sign: int, *, beyond_level: bool = False) -> Callable[[], Finding]:
    """The correlation with the probes' mean over all noise levels, or what is left of it given the level."""

    def found() -> Finding:
        every = correlations("noise").get(measure)
        if every is None:
            return NO_RUN
        left = next((each for each in every.partials if each.given == ["log:noise_level"]), None)
        told = f"r = {shown(every.pearson)} over {every.pearson.n} states; given the level's logarithm {shown(left)}."
        return Finding(told, of_correlation(left if beyond_level else every.pearson, sign))

    return found


def _causal() -> Finding:
    """The probes' mean where rows alone were moved, at the ends of each transform."""
    told, signs = [], []
    for move in MOVES:
        study = result(f"moved-{move}")
        if study is None:
            continue
        found = correlations(f"moved-{move}").get("patchiness")
        told.append(f"{move}: r = {shown(None if found is None else found.pearson)}")
        if found is not None and found.pearson.value is not None and not found.pearson.may_be_zero:
            signs.append(found.pearson.value > 0)
    if not told:
        return NO_RUN
    verdict = OPEN if not signs or len(set(signs)) > 1 else AS_CLAIMED if signs[0] else AGAINST
    return Finding("Patchiness of the moved rows against the probes' mean: " + "; ".join(told) + ".", verdict)


PAPERS = (
    Paper(
        "Shrink the longest: persistent entropy as a regularizer",
        "arXiv 2501.05502; its released code",
        (
            Claim(
                "Raising the entropy of selected bars leaves scores as good or better.",
                ("trained-",),
                _score("entropy", None, 1, "Score with the penalty less without"),
            ),
            Claim(
                "It makes the penalized states more isotropic.",
                ("trained-",),
                _moved("entropy", "isoscore_star", None, 1, "IsoScore* of first tokens less without", cloud="first"),
            ),
            Claim(
                "Which bars are selected matters: with all bars scores fall.",
                ("bars",),
                _of_one_seed("bars", _selection),
            ),
            Claim("The selection tells bars of structure from bars of noise.", ("bars",), _bars_kept),
        ),
        "BERT and RoBERTa base over 10 epochs at a learning rate of 8e-5 are not what was trained here; one epoch of a "
        "small model says little of either. The paper gives neither seeds nor intervals, so that its own differences "
        "of .003 to .013 cannot be judged.",
    ),
    Paper(
        "Stable anisotropic regularization: I-STAR",
        "arXiv 2305.19358; its released code",
        (
            Claim(
                "The sign of the weight moves isotropy: a weight below 0 lowers it.",
                ("trained-",),
                _moved(
                    "istar", "isoscore_star", -1.0, -1, "IsoScore* of the union, weight -1 less none", cloud="union"
                ),
            ),
            Claim(
                "Lower isotropy gives better scores.",
                ("trained-",),
                _score("istar", -1.0, 1, "Score at weight -1 less none"),
            ),
            Claim(
                "Higher isotropy gives worse scores.",
                ("trained-",),
                _score("istar", 1.0, -1, "Score at weight +1 less none"),
            ),
            Claim(
                "Lower isotropy goes with a lower intrinsic dimension of the last layer.",
                ("trained-",),
                _moved("istar", "two_nn", -1.0, -1, "TwoNN of the last layer, weight -1 less none", cloud="last"),
            ),
            Claim(
                "CosReg moves the mean, and does not raise IsoScore*.",
                ("trained-",),
                _moved("cosreg", "isoscore_star", None, -1, "IsoScore* of the last layer less none", cloud="last"),
            ),
            Claim("IsoScore is too low in small samples.", ("size-",), _small_samples),
            Claim("On SQuAD lower isotropy gives better answers.", ("trained-squad",), _of_one_seed("trained-squad")),
            Claim(
                "On RTE lower isotropy gives better scores, in a larger model too.",
                ("trained-rte-mpnet",),
                _of_one_seed("trained-rte-mpnet"),
            ),
        ),
        "The paper chose the best of some 24 settings a task for I-STAR alone; here each arm has one, chosen before. "
        "The training sets of 1,000 examples leave scores with a wide error, and three seeds a wider one.",
    ),
    Paper(
        "The noise study: geometry and GLUE",
        "the 2024 study whose formulas and data `docs/studies.md` follows (`--protocol marbut2024`)",
        (
            Claim("Patchiness rises with the score.", ("noise",), _noise("patchiness", 1)),
            Claim(
                "It tells of the score beyond how much noise there is.",
                ("noise",),
                _noise("patchiness", 1, beyond_level=True),
            ),
            Claim("Reconstruction error rises with the score.", ("noise",), _noise("reconstruction_error", 1)),
            Claim(
                "Eigenvalue early enrichment falls as the score rises.",
                ("noise",),
                _noise("eigenvalue_early_enrichment", -1),
            ),
            Claim("IsoScore does not go with the score.", ("noise",), _noise("isoscore", 0)),
            Claim(
                "Geometry makes the score (what the study suggests, and cannot say): moved rows of one model.",
                tuple(f"moved-{move}" for move in MOVES),
                _causal,
            ),
        ),
        "Scores here are those of linear probes on mean-pooled rows of MiniLM, not of fine-tuned models, and noise is "
        "relative to each weight matrix's deviation, since the study's absolute noise is larger than most weights. A "
        "transform moves what a probe reads, not what the model would learn. Seeds of one level are not independent: "
        "intervals over states are too narrow.",
    ),
)

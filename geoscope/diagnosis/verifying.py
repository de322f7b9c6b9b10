"""Verifying: public packages asked for their numbers of a subject's points, each where it is installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from geoscope import measures
from geoscope.diagnosis.verification import Beside, Verification
from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.gathering import gather
from geoscope.passes.making import LIBRARY_ROWS
from geoscope.passes.passes import Passes
from geoscope.progress import Progress, in_parts
from geoscope.requirements import REQUIREMENTS
from geoscope.rows import Float64
from geoscope.settings.measuring import MeasureKeywords
from geoscope.settings.option import completed
from geoscope.subjects.opening import opened

_ROUNDING = 1e-5  # float32, in which some packages keep distances


@dataclass(frozen=True)
class _Question:
    """A measure, and what gives a package's number of rows (n, d).

    ours: settings of geoscope's. within: up to which share they agree. differs: why another number is right too, and
    explained: up to which share that is the reason.
    """

    measure: str
    package: str
    call: str
    theirs: Callable[[Float64], float]
    within: float = _ROUNDING
    ours: Mapping[str, Any] | None = None
    differs: str | None = None
    explained: float = np.inf


def verify(subject: Any, *, progress: Progress | None = None, **given: Any) -> Verification:
    """The numbers of public packages beside geoscope's, of up to LIBRARY_ROWS points of a subject's last layer.

    given: keywords of `geoscope.measure` that say which rows. Raises GeoscopeError for a subject that is unusable.
    """
    options = completed(MeasureKeywords, given)
    opening = opened(subject, options)
    layer = opening.layers[-1]
    (cloud,) = gather(
        opening.source, [layer], union=False, points=LIBRARY_ROWS, seed=options["seed"], parts=0, positions=False,
        progress=progress,
    )  # fmt: skip
    passes = Passes.over(cloud.take_points())
    try:
        rows: Float64 = passes.get("distinct_sample")
    except Undefined as reason:
        raise GeoscopeError(
            f"expected points that differ to verify, got none: {reason}; give another subject"
        ) from reason
    return Verification(
        subject=opening.subject,
        layer=layer,
        points=len(rows),
        copies=len(passes.points) - len(rows),
        numbers=[_answer(each, rows) for each in in_parts(QUESTIONS, progress, "packages")],
    )


def _answer(question: _Question, rows: Float64) -> Beside:
    package = next(each for each in REQUIREMENTS if each.name == question.package)
    asked = {"measure": question.measure, "package": f"{package.name}, {question.call}"}
    found = package.installed()
    if found is None or find_spec(package.module) is None:
        what = "geoscope" if package.extra is None else f"geoscope[{package.extra}]"
        return Beside(**asked, outcome="skipped", reason=f"{package.name} is not installed; pip install '{what}'")
    asked["version"] = found[1]
    try:
        ours = getattr(measures, question.measure)(rows, **(question.ours or {}))
    except Undefined as reason:
        return Beside(**asked, outcome="skipped", reason=f"it has no value on these points: {reason}")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            theirs = float(question.theirs(rows))
    except Exception as error:  # whatever a package does on these points is told, and ends nothing
        told = (str(error).splitlines() or [""])[0]
        return Beside(**asked, ours=ours, outcome="skipped", reason=f"it stops with {type(error).__name__}: {told}")
    if not np.isfinite(theirs):
        return Beside(**asked, ours=ours, outcome="skipped", reason="it gives no finite number on these points")
    apart = max(0.0, abs(theirs - ours) - 1e-12)
    agrees = apart <= question.within * abs(ours)
    known = question.differs if apart <= question.explained * abs(ours) else None
    why = None if agrees else known or "no reason is known; tell those who make geoscope"
    outcome = "agrees" if agrees else "differs" if known else "disagrees"
    return Beside(**asked, theirs=theirs, ours=ours, within=question.within, outcome=outcome, reason=why)


def _two_nn(method: str) -> Callable[[Float64], float]:
    return lambda rows: import_module("skdim.id").TwoNN(method=method).fit(rows).dimension_


def _entropy_of_bars(rows: Float64) -> float:
    bars = _bars(rows)
    return float(import_module("persim.persistent_entropy").persistent_entropy(bars)[0])


def _entropy_of_lengths(rows: Float64) -> float:
    lengths = np.diff(_bars(rows), axis=1)[:, 0]
    share = lengths / lengths.sum()
    return float(-np.sum(share * np.log(share)))


def _bars(rows: Float64) -> Float64:
    """ripser's finite bars of connected components, as births and deaths."""
    bars: Float64 = import_module("ripser").ripser(rows, maxdim=0)["dgms"][0]
    return bars[np.isfinite(bars[:, 1]) & (bars[:, 1] > bars[:, 0])]


def _isoscore(rows: Float64) -> float:
    return float(import_module("IsoScore.IsoScore").IsoScore(rows))


def _participation(which: str) -> Callable[[Float64], float]:
    return lambda rows: import_module("dimensionality").participation_ratio(rows, return_all=True)[which]


def _error_by_faiss(rows: Float64) -> float:
    """Of FAISS's own product quantizer, trained and counted on the same rows."""
    faiss: Any = import_module("faiss")
    single = np.ascontiguousarray(rows, dtype=np.float32)
    books = next(count for count in (4, 3, 2, 1) if single.shape[1] % count == 0)
    quantizer = faiss.ProductQuantizer(single.shape[1], books, 4)
    quantizer.train(single)
    made = quantizer.decode(quantizer.compute_codes(single))
    return float(np.sum((single - made) ** 2) / np.sum(single**2))


_TRAINED = "codebooks are trained from random starts, and dimensions that four books cannot share go to unequal ones"
_BOTH_SIDES = "it takes the dimensions for a sample of more, and corrects for that; to geoscope they are all there are"

QUESTIONS: Sequence[_Question] = (
    _Question("two_nn", "scikit-dimension", "TwoNN", _two_nn("linear")),
    _Question("two_nn_mle", "scikit-dimension", "TwoNN(method='mle')", _two_nn("mle")),
    _Question("persistent_entropy", "ripser", "H0 bars, and the entropy of their lengths", _entropy_of_lengths),
    _Question("persistent_entropy", "persim", "persistent_entropy of ripser's H0 bars", _entropy_of_bars),
    _Question("isoscore", "IsoScore", "IsoScore", _isoscore),
    _Question("participation_ratio", "dimensionality", "participation_ratio, naive", _participation("naive")),
    _Question("participation_ratio_corrected", "dimensionality", "participation_ratio, row", _participation("row")),
    _Question(
        "participation_ratio_corrected", "dimensionality", "participation_ratio, both", _participation("both"),
        differs=_BOTH_SIDES,
    ),
    _Question(
        "reconstruction_error", "faiss-cpu", "ProductQuantizer", _error_by_faiss, 0.05,
        {"quantizer": "pq", "codebooks": 4, "bits": 4}, _TRAINED, 0.25,
    ),
)  # fmt: skip

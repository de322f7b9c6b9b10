"""Scores: how well predictions meet the truth, as GLUE counts it. Each takes two sequences of the same length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import Undefined
from geoscope.statistics import ranks

Values = npt.ArrayLike


def accuracy(truth: Values, predicted: Values) -> float:
    """Share of predictions that are right, in [0, 1]."""
    truth, predicted = _pair(truth, predicted)
    return float(np.mean(truth == predicted))


def f1(truth: Values, predicted: Values) -> float:
    """2 TP / (2 TP + FP + FN) of class 1, in [0, 1]; 0 where class 1 is neither there nor predicted."""
    truth, predicted = _pair(truth, predicted)
    hits = int(np.sum((truth == 1) & (predicted == 1)))
    misses = int(np.sum((truth == 1) != (predicted == 1)))
    return 2 * hits / (2 * hits + misses) if hits or misses else 0.0


def matthews_correlation(truth: Values, predicted: Values) -> float:
    """Matthews correlation in [-1, 1], of any number of classes (Gorodkin 2004); 0 where either side is constant."""
    truth, predicted = _pair(truth, predicted)
    classes, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    table = np.zeros((len(classes), len(classes)))
    np.add.at(table, (codes[: len(truth)], codes[len(truth) :]), 1.0)
    true, given, n = table.sum(axis=1), table.sum(axis=0), table.sum()
    spread = (n * n - true @ true) * (n * n - given @ given)
    return float((n * np.trace(table) - true @ given) / np.sqrt(spread)) if spread > 0 else 0.0


def pearson(truth: Values, predicted: Values) -> float:
    """Pearson correlation in [-1, 1]; Undefined where either side is constant.

    scipy's, and that of `correlate`, round otherwise: reports keep the bytes they have.
    """
    truth, predicted = _pair(truth, predicted)
    x, y = truth.astype(np.float64), predicted.astype(np.float64)
    x, y = x - x.mean(), y - y.mean()
    lengths = float(np.sqrt((x @ x) * (y @ y)))
    if lengths == 0.0:
        raise Undefined("a correlation needs values that differ, and those of one side are all the same")
    return float(np.clip(x @ y / lengths, -1.0, 1.0))


def spearman(truth: Values, predicted: Values) -> float:
    """Pearson correlation of the ranks, ties ranked by their mean; Undefined where either side is constant."""
    truth, predicted = _pair(truth, predicted)
    return pearson(ranks(truth), ranks(predicted))


SCORES: Mapping[str, Callable[[Values, Values], float]] = {
    "accuracy": accuracy,
    "f1": f1,
    "matthews_correlation": matthews_correlation,
    "pearson": pearson,
    "spearman": spearman,
}
"""The scores by name; each raises Undefined where it has no value."""


def _pair(truth: Values, predicted: Values) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    left, right = np.asarray(truth), np.asarray(predicted)
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError(f"truth {left.shape} and predictions {right.shape} must be of one length")
    if not len(left):
        raise Undefined("there is no example to score")
    return left, right

"""The measures that scikit-dimension computes: on which rows, told by which version, and what is said without it."""

from __future__ import annotations

import sys
from importlib.metadata import version

import numpy as np
import pytest

import geoscope
from geoscope.catalogue import DEFAULT, SKDIM, select
from geoscope.errors import GeoscopeError
from geoscope.measures import skdim_lpca, skdim_mle
from geoscope.passes.passes import Passes

skdim = pytest.importorskip("skdim")


def test_the_group_is_asked_for_by_its_name_only():
    assert set(select(["skdim"])) == SKDIM
    assert SKDIM.isdisjoint(DEFAULT)


def test_a_report_says_the_version_and_why_there_is_no_error():
    rows = np.random.default_rng(0).standard_normal((200, 5))
    report = geoscope.measure(rows, measures=["skdim_mle", "skdim_lpca"])
    assert report.environment["scikit-dimension"] == version("scikit-dimension")
    for row in report.measurements:
        assert (row.standard_error, row.n, row.null_kind) == (None, 200, "matched")
        assert "scikit-dimension computes" in row.reason
    assert report["skdim_mle"].value == pytest.approx(skdim.id.MLE().fit(rows).dimension_, rel=1e-6)
    assert "scikit-dimension" not in geoscope.measure(rows, measures="isoscore").environment


def test_of_more_rows_so_many_are_drawn_by_the_seed():
    rows = np.random.default_rng(0).standard_normal((2300, 4))
    passes = Passes.over(np.vstack([rows, rows[:50]]), seed=3)
    sample = passes.get("distinct_sample")
    assert sample.shape == (2000, 4)
    assert passes.count("distinct_sample") == 2000
    assert len(np.unique(sample, axis=0)) == 2000
    assert np.sqrt(np.mean(np.sum(sample**2, axis=1))) == pytest.approx(1.0)
    assert skdim_mle(rows, seed=3) == skdim_mle(rows, seed=3) != skdim_mle(rows, seed=4)


def test_copies_do_not_reach_it():
    rows = np.random.default_rng(0).standard_normal((120, 6))
    assert skdim_mle(np.vstack([rows, rows[:40]])) == skdim_mle(rows)


def test_without_the_library_a_sentence_names_the_extra(monkeypatch):
    rows = np.random.default_rng(0).standard_normal((60, 3))
    monkeypatch.setitem(sys.modules, "skdim", None)
    monkeypatch.setitem(sys.modules, "skdim.id", None)
    with pytest.raises(GeoscopeError, match=r"geoscope\[oracles\]"):
        geoscope.measure(rows, measures=["isoscore", "skdim_tle"])
    with pytest.raises(GeoscopeError, match="expected scikit-dimension"):
        skdim_lpca(rows)
    assert geoscope.measure(rows, measures="isoscore")["isoscore"].value > 0

"""Measures as functions on rows: what help() says of them is what they do."""

from __future__ import annotations

import doctest
import inspect

import numpy as np
import pytest

from geoscope import measures
from geoscope.catalogue import select
from geoscope.errors import GeoscopeError, Undefined

EVERY = list(measures.__all__)
PAIRWISE = {"device": "cpu", "memory": None}
TRAINED = {"quantizer": "lsq", "codebooks": 4, "bits": 8, "seed": 0}


def settings_of(key):
    parameters = list(inspect.signature(getattr(measures, key)).parameters.values())
    assert parameters[0].name == "rows"
    assert parameters[0].default is inspect.Parameter.empty
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters[1:])
    return {each.name: each.default for each in parameters[1:]}


@pytest.mark.parametrize("key", EVERY)
def test_the_examples_are_right(key):
    called = getattr(measures, key)
    tests = doctest.DocTestFinder(recurse=False).find(called, key, globs={})
    assert [each for each in tests if each.examples], f"help({key}) shows no example"
    for each in tests:
        report: list[str] = []
        doctest.DocTestRunner(verbose=False).run(each, out=report.append)
        assert not report, "".join(report)


SETTINGS = {
    "isoscore_star": {"isoscore_zeta": 0.0, "isoscore_reference": None},
    **{key: {"groups": None} for key in ("isoscore_corrected", "participation_ratio_corrected")},
    **dict.fromkeys(
        ("persistent_entropy", "persistent_entropy_normalized", "persistent_entropy_deficit", "prominent_bars"),
        PAIRWISE,
    ),
    "neighbour_spread": PAIRWISE,
    **{key: {"two_nn_discard": 0.1, **PAIRWISE} for key in ("two_nn", "two_nn_mle")},
    "two_nn_across": {"two_nn_discard": 0.1, "groups": None, **PAIRWISE},
    "same_sequence_neighbours": {"groups": None, **PAIRWISE},
    **dict.fromkeys(
        ("patchiness", "patchiness_paper", "reconstruction_error", "reconstruction_error_centered"), TRAINED
    ),
    **{key: {"groups": None, **TRAINED} for key in ("patchiness_heldout", "reconstruction_error_heldout")},
    "first_position_energy": {"positions": None},
    **{key: {"alpha_req_ranks": "11-100"} for key in ("alpha_req", "alpha_req_fit")},
    "trajectory_curvature": {"groups": None, "positions": None},
    "prompt_entropy": {"groups": None},
    **{f"gride_{k}": PAIRWISE for k in (1, 2, 4, 8)},
    **{f"gride_across_{k}": {"groups": None, **PAIRWISE} for k in (1, 2, 4, 8)},
    "gride_scale_slope": {"groups": None, **PAIRWISE},
    **dict.fromkeys(("hubness_skewness", "antihub_share"), PAIRWISE),
    **{f"{key}_across": {"groups": None, **PAIRWISE} for key in ("hubness_skewness", "antihub_share")},
    "persistent_homology_dimension": {"seed": 0, **PAIRWISE},
    **{key: {"seed": 0, **PAIRWISE} for key in select(["skdim"])},
}


@pytest.mark.parametrize("key", EVERY)
def test_a_signature_is_of_rows_and_of_the_settings_that_bear_on_the_measure(key):
    assert settings_of(key) == SETTINGS.get(key, {})


ROWS = np.random.default_rng(0).standard_normal((64, 4))
WIDE = np.random.default_rng(0).standard_normal((64, 40))
SEQUENCES = np.arange(64) // 3
HUDDLED = WIDE[SEQUENCES, :8] + 0.3 * WIDE[:, 8:16]
OTHERS = {
    "two_nn_discard": 0.3,
    "isoscore_zeta": 0.5,
    "isoscore_reference": np.diag([9.0, 1, 1, 1]),
    "alpha_req_ranks": "5-40",
    "groups": SEQUENCES,
    "positions": np.arange(64) % 3,
    "quantizer": "pq",
    "codebooks": 4,
    "bits": 3,
    "seed": 1,
}
BEARING = [
    (key, name)
    for key, settings in SETTINGS.items()
    for name in settings
    if name not in PAIRWISE and not key.startswith("skdim_")  # their seed draws from more than 2,000 rows only
]


@pytest.mark.parametrize(("key", "name"), BEARING, ids=[f"{key} {name}" for key, name in BEARING])
def test_a_setting_in_the_signature_moves_the_number(key, name):
    plain = {}
    if "quantizer" in SETTINGS[key]:
        plain = {"quantizer": "kmeans" if name == "quantizer" else "pq", "codebooks": 2, "bits": 2}
    if name == "isoscore_reference":
        plain = {"isoscore_zeta": 0.5}
    if "groups" in SETTINGS[key] and "positions" in SETTINGS[key]:
        plain = {"groups": SEQUENCES, "positions": OTHERS["positions"]}
        plain.pop(name)
    rows = WIDE if "alpha_req_ranks" in SETTINGS[key] else HUDDLED if key == "antihub_share_across" else ROWS

    def number(**settings):
        try:
            return getattr(measures, key)(rows, **(plain | settings))
        except Undefined:
            return None

    assert number(**{name: OTHERS[name]}) != number()


@pytest.mark.parametrize("key", EVERY)
def test_the_docstring_tells_of_what_is_called(key):
    text = inspect.getdoc(getattr(measures, key))
    assert "rows : array_like of shape (n, d)" in text
    assert "of shape (n, 2)" not in text
    for part in ("Parameters", "Returns", "Raises", "Notes", "References", "Examples"):
        assert f"\n{part}\n{'-' * len(part)}\n" in text
    for name in SETTINGS.get(key, {}):
        assert f"\n{name} : " in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_formula_on_passes_tells_of_the_passes():
    assert list(inspect.signature(measures.two_nn.formula).parameters) == ["nearest", "two_nn_discard"]
    assert "(n, 2)" in measures.two_nn.formula.__doc__
    nearest = np.array([[1.0, 2.0], [1.0, 3.0], [2.0, 4.0], [1.0, 1.5]])
    assert measures.two_nn.formula(nearest, two_nn_discard=0.25) > 0


@pytest.mark.parametrize(
    ("key", "keyword", "words"),
    [
        ("two_nn", {"discrd": 0.1}, "two_nn, got 'discrd'; did you mean two_nn_discard"),
        ("isoscore_star", {"zeta": 0.1}, "did you mean isoscore_zeta"),
        ("reconstruction_error", {"codeboks": 2}, "did you mean codebooks"),
        ("anisotropy", {"centre": True}, "got 'centre'; leave it out"),
        ("two_nn", {"bits": 4}, "bears on two_nn, got bits; leave it out"),
        ("two_nn", {"groups": SEQUENCES}, "bears on two_nn, got groups"),
        ("isoscore", {"isoscore_zeta": 0.5}, "bears on isoscore, got isoscore_zeta"),
        ("average_cosine_similarity", {"device": "cuda"}, "takes no settings"),
    ],
)
def test_a_keyword_that_bears_on_nothing_is_refused(key, keyword, words):
    with pytest.raises(GeoscopeError) as refused:
        getattr(measures, key)(ROWS, **keyword)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1.0, 2.0], [3.0]], "expected 2 numbers in every row of rows, as row 0 has, got 1 in row 1; mend it"),
        ("rows.npy", "got a str as rows; give the rows themselves"),
        ([["a", "b"], ["c", "d"]], "real numbers"),
    ],
)
def test_what_is_no_array_is_refused_in_a_sentence(rows, words):
    with pytest.raises(GeoscopeError) as refused:
        measures.anisotropy(rows)
    assert words in str(refused.value)


def test_a_tensor_that_needs_gradients_is_read_as_it_is():
    import torch

    rows = torch.tensor(ROWS, requires_grad=True)
    assert measures.anisotropy(rows) == measures.anisotropy(ROWS)


@pytest.mark.parametrize("discard", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("key", ["two_nn", "two_nn_mle", "two_nn_across"])
def test_a_share_to_discard_out_of_range_is_refused(key, discard):
    with pytest.raises(GeoscopeError, match="share of ratios from 0 to below 1"):
        getattr(measures, key)(ROWS, two_nn_discard=discard)


def test_groups_are_read_as_measure_reads_them():
    named = [f"sentence {number:02d}" for number in SEQUENCES]
    for key in ("two_nn_across", "same_sequence_neighbours", "participation_ratio_corrected"):
        called = getattr(measures, key)
        assert called(ROWS, groups=named) == called(ROWS, groups=list(SEQUENCES)) == called(ROWS, groups=SEQUENCES)
    with pytest.raises(GeoscopeError, match="integers or strings"):
        measures.two_nn_across(ROWS, groups=np.arange(64) / 3)
    with pytest.raises(GeoscopeError, match="positions as integers"):
        measures.first_position_energy(ROWS, positions=[f"{place}" for place in range(64)])

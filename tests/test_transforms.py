"""Transforms of rows: as they are defined, fitted on every row, streamed as whole, and nothing where they say none.

Reference values are of an independent computation in numpy on 500 seeded rows with a mean.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geoscope
from geoscope.cli import app as cli
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.noise_floors import noise_floor
from geoscope.passes.fitted_transforms import transform_fitted_on, transformed
from geoscope.report import Report
from geoscope.subjects.embeddings.objects import object_embeddings
from geoscope.subjects.row_files import array_files
from geoscope.transforms import TRANSFORMS, steps_of

P = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5 + 1
SHAPE = ["participation_ratio", "average_cosine_similarity"]
EVERY = ("center", "drop-top=2", "whiten=0.5", "whiten=1", "drop-dims=3", "clip=2", "standardize", "unit")


def measured(rows: Any, transform: Any = None, **more: Any) -> Report:
    return geoscope.measure(rows, **{"measures": SHAPE, "errors": False, "null": "none", **more}, transform=transform)


def values(report: Report) -> list[float | None]:
    return [row.value for row in report.measurements]


def by_numpy(rows: Any, step: str) -> Any:
    """The definition, by the rows themselves and numpy's own covariance and decomposition."""
    name, _, amount = step.partition("=")
    x, mu = rows.astype(np.float64), rows.astype(np.float64).mean(axis=0)
    if name == "unit":
        lengths = np.linalg.norm(x, axis=1)
        return x[lengths > 0] / lengths[lengths > 0, None]
    deviations = x.std(axis=0, ddof=1)
    if name in ("drop-top", "whiten"):
        _, singular, axes = np.linalg.svd(x - mu, full_matrices=False)
        if name == "drop-top":
            top = axes[: int(amount)]
            return (x - mu) - (x - mu) @ top.T @ top
        kept = singular > 1e-5 * singular[0]
        powers = (singular[kept] ** 2 / (len(x) - 1)) ** (-float(amount) / 2)
        return (x - mu) @ (axes[kept].T * powers) @ axes[kept]
    if name == "drop-dims":
        changed, chosen = x.copy(), np.argsort(-deviations, kind="stable")[: int(amount)]
        changed[:, chosen] = mu[chosen]
        return changed
    if name == "clip":
        reach = float(amount) * deviations
        return np.minimum(np.maximum(x, mu - reach), mu + reach)
    return x - mu if name == "center" else (x - mu) / deviations


@pytest.mark.parametrize(
    ("transform", "participation", "cosine"),
    [
        (None, 7.778789330, 0.8566640752),
        ("center", 7.778789330, -0.001942950003),
        ("drop-top=1", 11.30669236, -0.00196545535),
        ("drop-top=2", 13.20452648, -0.001974515984),
        ("whiten=.5", 15.92923136, -0.00197931618),
        ("whiten=1", 20.0, -0.001985288627),
        ("drop-dims=3", 13.31056329, 0.9238381365),
        ("clip=2", 7.775893282, 0.8659092932),
        ("standardize", 19.28597509, -0.001982726854),
        ("unit", 8.019092481, 0.8566640752),
    ],
)
def test_reference_values(transform: str | None, participation: float, cosine: float) -> None:
    cosine_of, width = values(measured(P, transform))
    assert width == pytest.approx(participation, rel=1e-9)
    assert cosine_of == pytest.approx(cosine, rel=1e-9)


@pytest.mark.parametrize("step", EVERY)
@pytest.mark.parametrize("scale", [1.0, 1e-120, 1e120])
def test_rows_are_the_definitions_whatever_their_size(step: str, scale: float) -> None:
    fitted = transform_fitted_on(P * scale, steps_of(step))
    power = {"whiten=0.5": 0.5, "whiten=1": 1, "standardize": 1, "unit": 1}.get(step, 0)
    expected = by_numpy(P, step) * scale ** (1 - power)
    assert np.allclose(fitted.applied(P * scale), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("step", EVERY)
def test_streamed_equals_whole(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = transform_fitted_on(P, steps_of(step)).applied(P)
    monkeypatch.setattr(array_files, "BLOCK_BYTES", 7 * P.shape[1] * 8)
    rows = transformed(object_embeddings(P), (None,), steps_of(step), union=False)
    batches = list(rows.batches())
    assert len(batches) > 50
    assert np.allclose(np.concatenate([batch.rows[None] for batch in batches]), whole, rtol=1e-10, atol=1e-12)


def test_steps_are_made_in_order_each_fitted_on_what_the_one_before_left() -> None:
    found = transform_fitted_on(P, steps_of(["clip=1", "drop-dims=2,standardize"])).applied(P)
    expected = by_numpy(by_numpy(P, "clip=1"), "drop-dims=2")
    moved = expected.std(axis=0) > 1e-12
    assert np.allclose(found[:, moved], by_numpy(expected[:, moved], "standardize"))
    assert (found[:, ~moved] == 0).all()
    assert np.count_nonzero(~moved) == 2
    report = measured(P, ["clip=1", "drop-dims=2,standardize"])
    assert report.settings["transform"] == ["clip=1", "drop-dims=2", "standardize"]
    assert [each["transform"] for each in report.settings["transform_fits"]] == report.settings["transform"]


@pytest.mark.parametrize("none", ["whiten=0", "drop-top=0", "drop-dims=0", ["whiten=0", "drop-top=0.0"], [], ""])
def test_none_is_none_to_the_byte(none: Any, tmp_path: Path) -> None:
    rows = P.astype(np.float32)
    groups = np.arange(500) // 10
    more = {"errors": True, "null": "auto", "measures": [*SHAPE, "vasicek_ratio_mse"], "groups": groups}
    assert measured(rows, none, **more).to_json() == measured(rows, **more).to_json()


def test_whitening_gives_the_numerical_rank_and_nothing_below_rounding() -> None:
    rng = np.random.default_rng(1)
    factors = rng.standard_normal((300, 12)) * np.logspace(0, -4, 12)
    rows = factors @ np.linalg.qr(rng.standard_normal((40, 12)))[0].T  # of rank 12 in 40 dimensions
    report = measured(rows, "whiten=1", measures=["participation_ratio", "effective_rank"])
    assert values(report) == pytest.approx([12, 12], rel=1e-6)
    (fit,) = report.settings["transform_fits"]
    assert (fit["layer"], fit["transform"], fit["rows"], fit["rank"]) == (None, "whiten=1", 300, 12)
    few = measured(rng.standard_normal((7, 40)), "whiten=1", measures=["participation_ratio"])  # n < d
    assert values(few) == pytest.approx([6], rel=1e-6)


def test_what_corrects_for_the_number_of_rows_has_no_value_after_a_fitted_whitening() -> None:
    for subject, transform in ((P, "whiten=.5"), (P, "center")):
        (row,) = measured(subject, transform, measures=["participation_ratio_corrected"]).measurements
        assert (row.value is None) == (transform != "center")
        assert transform == "center" or "was fitted to these rows" in str(row.reason)


def test_an_offset_is_taken_away_before_directions_are() -> None:
    far = P + 1e6
    for step in ("drop-top=2", "whiten=1", "standardize"):
        assert values(measured(far, step)) == pytest.approx(values(measured(P, step)), rel=1e-5)


@pytest.mark.parametrize("step", [*EVERY[:-1], "unit"])
def test_rows_equal_up_to_rounding_are_not_made_into_a_cloud(step: str) -> None:
    noise = np.random.default_rng(2).standard_normal((200, 6)) * 1e-7
    for rows in (np.full((200, 6), 0.1), (1 + noise).astype(np.float32), np.ones((1, 6))):
        report = measured(rows, step, measures=["participation_ratio", "two_nn"])
        assert values(report) == [None, None], step
        assert all(row.reason for row in report.measurements)


def test_a_constant_dimension_stays_constant() -> None:
    rows = P.astype(np.float32)
    rows[:, 3] = 1000.1
    applied = transform_fitted_on(rows, steps_of("standardize")).applied(rows)
    assert (applied[:, 3] == 0).all()
    assert np.allclose(np.delete(applied, 3, 1).std(axis=0, ddof=1), 1)


def test_rows_without_a_direction_are_left_out_of_unit() -> None:
    rows = P.copy()
    rows[::10] = 0
    groups = np.arange(500) // 5
    kept = np.arange(500) % 10 > 0
    more = {"measures": [*SHAPE, "two_nn"], "points": 200}
    found, expected = measured(rows, "unit", groups=groups, **more), measured(rows[kept], "unit", **more)
    assert [row.n for row in found.measurements] == [450, 450, 200]
    assert values(found)[:2] == pytest.approx(values(expected)[:2], rel=1e-12)
    assert found.sample.rows == 450
    assert found.sample.dropped is not None
    assert found.sample.dropped[0].zero_rows == 50
    two = {0: P, 1: rows}
    apart = geoscope.measure(two, transform="unit", measures=SHAPE, errors=False, layers="all")
    assert [row.n for row in apart.measurements] == [500, 500, 450, 450]
    assert [row.value for row in apart.measurements][2:] == pytest.approx(values(found)[:2], rel=1e-12)
    with pytest.raises(GeoscopeError, match="with a length above 0 for --transform unit, got none"):
        measured(np.zeros((30, 4)), "unit")


def test_a_union_of_layers_is_one_cloud_to_fit_on() -> None:
    layers = {0: P, 1: P * 2, 2: P[:, ::-1] + 3}
    found = geoscope.measure(layers, layers="union", transform="whiten=1", measures=SHAPE, errors=False)
    assert found.measurements[1].value == pytest.approx(20, rel=1e-9)
    assert [each["layer"] for each in found.settings["transform_fits"]] == [None]
    both = np.concatenate([layers[1], layers[2]])
    assert values(found) == pytest.approx(values(measured(both, "whiten=1")), rel=1e-9, abs=1e-12)


def test_directions_of_one_variance_are_warned_of() -> None:
    cross = np.concatenate([np.eye(4), -np.eye(4)])
    with pytest.warns(UserWarning, match="directions 2 and 3 .* have the same variance, .* drop-top=2 .* arbitrary"):
        measured(cross, "drop-top=2", measures=["participation_ratio"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values(measured(cross, "drop-top=4", measures=["average_cosine_similarity"])) == [None]


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        ("whitne", "expected a transform, center, drop-top=K, .*, got 'whitne'; did you mean whiten"),
        ("whiten", "expected whiten=A with a number from 0 to 1, got ''"),
        ("whiten=1.01", "expected whiten=A with a number from 0 to 1, got '1.01'"),
        ("whiten=nan", "got 'nan'"),
        ("drop-top=1.5", "expected drop-top=K with a whole number from 0, got '1.5'"),
        ("drop-top=-1", "got '-1'"),
        ("clip=0", "expected clip=C with a number above 0, got '0'"),
        ("clip=inf", "got 'inf'"),
        ("center=2", "expected center without an amount, got 'center=2'"),
        ("drop-dims=21", "expected drop-dims of at most 20, the dimensions of the rows, got 21"),
        (",".join(["center"] * 9), "expected at most 8 transforms, got 9"),
        ([3], "expected a transform, .*, got '3'"),
    ],
)
def test_what_is_no_transform_is_refused(transform: Any, told: str) -> None:
    with pytest.raises(GeoscopeError, match=told):
        measured(P, transform)


def test_it_is_told_where_rounding_is_lifted_above_what_duplicates_are_known_by() -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    for lowest, lifted in ((-1, False), (-3, True)):
        rows = (rng.standard_normal((600, 20)) * np.logspace(0, lowest, 20)) @ turn
        noise = 1e-7 * rng.standard_normal((200, 20))
        twice = np.vstack([rows, rows[:200] * (1 + noise)]).astype(np.float32)
        report = measured(twice, "whiten=1", measures=["two_nn"])
        kept = report.sample.dropped[0].duplicates if report.sample.dropped else 0
        assert (kept < 200) == lifted
        assert ("lifts rounding" in report.summary()) == lifted
        assert report.settings["transform_fits"][0]["rounding"] > 0


def test_errors_hold_the_fit_fixed() -> None:
    groups = np.arange(500) // 10
    report = geoscope.measure(P, groups=groups, transform="whiten=1", measures=["participation_ratio"])
    rows = by_numpy(P, "whiten=1")
    as_rows = geoscope.measure(rows, groups=groups, measures=["participation_ratio"])
    assert report.measurements[0].standard_error == pytest.approx(as_rows.measurements[0].standard_error, rel=1e-8)
    assert "standard errors and halves keep what was fitted as it is" in report.to_markdown().lower()
    assert "the rows were transformed before they were measured (whiten=1)" in report.summary()


def test_comparisons_of_other_transforms() -> None:
    """Of the same rows the transform is what is compared, said first; of other rows it would be taken for a change."""
    more = {"groups": np.arange(500) // 10, "measures": ["participation_ratio"]}
    plain, white = (geoscope.measure(P, transform=each, **more) for each in (None, "whiten=1"))
    told = geoscope.compare(plain, white)
    assert told.settings["transforms"] == {"base": [], "array": ["whiten=1"]}
    assert "warning: the rows were transformed differently (base: none; array: whiten=1)" in told.summary()
    assert geoscope.Comparison.from_json(told.to_json()) == told
    other = geoscope.measure(P[::-1] * 2, transform="whiten=1", **more)
    with pytest.raises(NotComparable, match=r"differ in transform \(none and whiten=1\)"):
        geoscope.compare(plain, other)
    with pytest.raises(NotComparable, match=r"expected trainings whose rows were transformed alike"):
        noise_floor(plain, white)
    floor = noise_floor(P, draws=3, transform="unit", **more)
    assert "the rows were transformed before they were measured (unit)" in floor.summary()
    both = geoscope.compare(P, P * 3, transform="whiten=1", **more)
    assert both.difference("participation_ratio").difference == pytest.approx(0, abs=1e-9)
    assert both.settings["transforms"] == {"base": ["whiten=1"], "array": ["whiten=1"]}
    like = geoscope.compare(white, P * 3, groups=more["groups"])  # as the base's report was measured
    assert like.difference("participation_ratio").candidate_value == pytest.approx(20, rel=1e-9)
    with pytest.raises(GeoscopeError, match="expected --similarity of rows as they are"):
        geoscope.compare(P, P * 3, transform="center", similarity=True)


def test_a_checkpoint_is_read_twice_and_extracted_as_it_is_measured(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = str(checkpoint_folder("bert")), tmp_path / "rows"
    sample = ["--corpus", str(corpus_file), "--sequences", "40", "--max-length", "16", "--device", "cpu", "--quiet"]
    asked = ["--measures", "participation_ratio,average_cosine_similarity", "--layers", "2,3", "--format", "json"]
    step = ["--transform", "drop-top=1", "--transform", "whiten=1"]
    assert cli.main(["measure", folder, *sample, *asked, *step]) == 0
    direct = Report.from_json(capsys.readouterr().out)
    assert cli.main(["extract", folder, *sample, "--layers", "2,3", *step, "-o", str(out)]) == 0
    assert cli.main(["measure", str(out), *asked, "--quiet"]) == 0
    kept = Report.from_json(capsys.readouterr().out)
    assert values(kept) == pytest.approx(values(direct), rel=1e-5, abs=1e-6)  # kept in float32
    assert kept.settings["transform"] == direct.settings["transform"] == ["drop-top=1", "whiten=1"]
    assert kept.settings["transform_fits"] == direct.settings["transform_fits"]
    rows = np.load(out / "layer-03.npy")
    plain = geoscope.extract(folder, corpora=str(corpus_file), sequences=40, max_length=16, layers=[3], device="cpu")
    assert np.allclose(rows, by_numpy(by_numpy(plain.rows(), "drop-top=1"), "whiten=1"), atol=1e-4)
    assert cli.main(["measure", folder, *sample, *asked, *step, "--memory", "17MB"]) == 2
    assert "expected --memory of at least" in capsys.readouterr().err


def test_every_transform_is_fitted_somewhere() -> None:
    assert {step.partition("=")[0] for step in EVERY} == set(TRANSFORMS)

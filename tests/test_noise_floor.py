"""The noise floor: what the spread over draws and trainings must be, and limits that a project can paste."""

from __future__ import annotations

import csv
import io
import json
import shutil

import numpy as np
import pytest
from made_reports import report, row

import geoscope
from geoscope.cli import app as cli
from geoscope.comparing import compare
from geoscope.comparisons.configuration import find_limits
from geoscope.documents.noise_floors import COLUMNS
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.noise_floors import _amount, noise_floor
from geoscope.subjects.disjoint_draws import split_sequences
from geoscope.subjects.embeddings.objects import object_embeddings

FAST = ["isoscore", "isoscore_corrected", "two_nn", "average_cosine_similarity"]


def clustered(sequences=200, length=8, d=6, seed=0):
    """Rows of dependent sequences, and whose each is."""
    g = np.random.default_rng(seed)
    groups = np.repeat(np.arange(sequences), length)
    centres = g.standard_normal((sequences, d)) * np.linspace(1, 2, d)
    return centres[groups] + 0.5 * g.standard_normal((len(groups), d)), groups


# Parts


def test_parts_hold_every_row_once_and_whole_sequences():
    rows, groups = clustered(sequences=53)
    embeddings = object_embeddings(rows, groups=groups)
    parts = split_sequences(embeddings, 5, seed=0)
    held = [set(part.index.sequences.tolist()) for part in parts]
    assert sorted(len(each) for each in held) == [10, 10, 11, 11, 11]
    assert set.union(*held) == set(range(53))
    together = np.concatenate([part.rows() for part in parts])
    assert len(together) == len(rows)
    assert np.array_equal(np.unique(together, axis=0), np.unique(rows, axis=0))
    for part in parts:
        (batch,) = part.batches()
        assert np.array_equal(batch.rows[None], rows[np.isin(groups, part.index.sequences)])
    again = split_sequences(embeddings, 5, seed=0)
    assert all(np.array_equal(a.index.sequences, b.index.sequences) for a, b in zip(parts, again, strict=True))
    other = split_sequences(embeddings, 5, seed=1)
    assert not np.array_equal(parts[0].index.sequences, other[0].index.sequences)


def test_parts_have_the_corpora_in_the_same_shares():
    rows, groups = clustered(sequences=60)
    embeddings = object_embeddings(rows, groups=groups)
    embeddings.sample = {"corpora": [{"name": "a", "sequences": 40}, {"name": "b", "sequences": 20}]}
    for part in split_sequences(embeddings, 4, seed=3):
        names = np.unique(part.index.sequences)
        assert (np.sum(names < 40), np.sum(names >= 40)) == (10, 5)


# Over draws


STEADY = ["isoscore_corrected", "participation_ratio_corrected"]


def test_each_draw_is_measured_as_measure_does():
    rows, groups = clustered()
    found = noise_floor(rows, groups=groups, measures=STEADY, draws=4)
    parts = split_sequences(object_embeddings(rows, groups=groups), 4, seed=0)
    reports = [geoscope.measure(part, measures=STEADY, errors=False) for part in parts]
    for key in STEADY:
        values = [each.value(key) for each in reports]
        floor = found.floor(key)
        assert (floor.noise_from, floor.values) == ("draws", values)
        assert floor.mean == pytest.approx(np.mean(values))
        assert floor.standard_deviation == pytest.approx(np.std(values, ddof=1))
        assert (floor.n, floor.whole_n) == (400, 1600)
        assert floor.noise == pytest.approx(floor.standard_deviation / 2)
    assert found.over == "draws"
    assert [size["rows"] for size in found.sample["draws"]] == [400] * 4
    assert found.sample["rows"] == 1600
    other = noise_floor(rows, groups=groups, measures=STEADY, draws=4, points=300, seed=1)
    assert set(other.floor(STEADY[0]).values).isdisjoint(found.floor(STEADY[0]).values)
    assert [size["points"] for size in other.sample["draws"]] == [300] * 4


def test_what_moves_with_the_size_of_the_sample_is_told_at_the_wholes_size():
    rows, groups = clustered()
    found = noise_floor(rows, groups=groups, measures=FAST)
    whole = geoscope.measure(rows, groups=groups, measures=FAST)
    for key in ("isoscore", "two_nn", "average_cosine_similarity"):
        floor, row = found.floor(key), whole.measurement(key)
        assert (floor.noise_from, floor.mean, floor.values) == ("whole", row.value, [row.value])
        assert floor.noise == floor.standard_deviation == row.standard_error
        assert floor.n == floor.whole_n == row.n
        share = floor.limit / abs(row.value)  # of the whole's value, not of the parts'
        assert share > 1 or 1 <= float(floor.amount.removesuffix("%")) / 100 / share < 1.11


def test_too_few_sequences_for_an_error_leave_no_floor_but_a_reason():
    rows, groups = clustered(sequences=12)
    floor = noise_floor(rows, groups=groups, measures=["isoscore"], draws=3).floor("isoscore")
    assert floor.noise is None
    assert floor.limit is None
    assert "12 sequences" in floor.reason


@pytest.mark.parametrize(("key", "degrees"), [("isoscore_corrected", None), ("anisotropy", 19)])
def test_the_limit_is_students_quantile_of_the_noise(key, degrees):
    from scipy.stats import t

    rows, groups = clustered()
    for draws in (5, 10):
        found = noise_floor(rows, groups=groups, measures=[key], draws=draws)
        floor = found.floor(key)
        assert found.quantile == pytest.approx(t.isf(0.00135, draws - 1), rel=1e-9)
        assert floor.limit == pytest.approx(t.isf(0.00135, degrees or draws - 1) * np.sqrt(2) * floor.noise)
        share = float(floor.amount.removesuffix("%")) / 100
        assert 1 <= share / (floor.limit / floor.mean) < 1.11


def test_noise_is_what_fresh_draws_vary_by():
    for key, rel in (("anisotropy", 0.35), ("isoscore", 0.35), ("isoscore_corrected", 0.35)):
        fresh = [geoscope.measure(clustered(seed=seed)[0], measures=[key], errors=False) for seed in range(40)]
        expected = np.std([each.value(key) for each in fresh], ddof=1)
        noises = [
            noise_floor(rows, groups=groups, measures=[key], draws=10).floor(key).noise
            for rows, groups in (clustered(seed=seed) for seed in range(100, 104))
        ]
        assert np.sqrt(np.mean(np.square(noises))) == pytest.approx(expected, rel=rel), key


def test_a_protocol_counts_as_it_does_for_measure(checkpoint_folder, corpus_file):
    options = {"corpora": [str(corpus_file)], "measures": ["isoscore"], "max_length": 32, "protocol": "kudriashov2025"}
    found = noise_floor(str(checkpoint_folder("bert")), draws=3, **options)
    measured = geoscope.measure(str(checkpoint_folder("bert")), **options)
    assert found.settings["protocol"] == "kudriashov2025"
    assert found.sample["pooling"] == measured.sample.pooling != "tokens"
    assert found.floor("isoscore").n == measured.measurement("isoscore").n


def test_undefined_and_constant_measures_have_no_limit():
    rows, groups = clustered()
    found = noise_floor(rows, groups=groups, measures=["first_position_energy", "prominent_bars"])
    floor = found.floor("first_position_energy")
    assert (floor.mean, floor.limit) == (None, None)
    assert floor.reason.startswith("undefined in 5 of 5: ")
    same = noise_floor(np.tile(rows[:8], (10, 1)), groups=np.repeat(np.arange(10), 8), measures=["anisotropy"])
    assert same.floor("anisotropy").limit is None or same.floor("anisotropy").noise < 1e-12


def test_a_checkpoint_is_read_once(checkpoint_folder, corpus_file, monkeypatch):
    from geoscope.subjects import opening

    calls = []
    keep = opening.keep_embeddings
    monkeypatch.setattr(opening, "keep_embeddings", lambda *a, **k: calls.append(a) or keep(*a, **k))
    options = {"corpora": [str(corpus_file)], "layers": "-1,1", "measures": FAST, "max_length": 32, "sequences": 40}
    found = noise_floor(str(checkpoint_folder("bert")), draws=3, **options)
    assert len(calls) == 1
    assert [row.layer for row in found.floors] == [1] * 4 + [3] * 4
    assert set(found.limits) == {f"{key}@{layer}" for key in FAST for layer in (1, 3)}
    assert found.subjects[0]["kind"] == "checkpoint"
    options |= {"layers": "union", "measures": ["isoscore"]}
    union = noise_floor(str(checkpoint_folder("bert")), draws=3, **options)
    assert [row.layer for row in union.floors] == [None]
    assert union.sample["rows"] == 3 * found.sample["rows"] == sum(size["rows"] for size in union.sample["draws"])


# Over trainings


def test_trainings_are_held_together_by_layer_and_measure(tmp_path):
    g = np.random.default_rng(0)
    paths = []
    for seed in range(4):
        rows, _ = clustered(seed=seed)
        np.save(tmp_path / f"seed-{seed}.npy", rows + g.standard_normal(rows.shape))
        paths.append(str(tmp_path / f"seed-{seed}.npy"))
    found = noise_floor(*paths, measures=FAST)
    assert (found.over, found.count, len(found.subjects)) == ("trainings", 4, 4)
    values = [geoscope.measure(path, measures=["two_nn"], errors=False).value("two_nn") for path in paths]
    floor = found.floor("two_nn")
    assert floor.values == values
    assert floor.noise == floor.standard_deviation == pytest.approx(np.std(values, ddof=1))
    assert floor.whole_n == floor.n == 1600
    assert floor.limit == pytest.approx(found.quantile * np.sqrt(2) * floor.noise)


def test_reports_of_trainings_will_do():
    reports = [report(row("two_nn", value), row("isoscore", 0.5), name=f"seed-{value}") for value in (9.0, 10.0, 11.0)]
    found = noise_floor(*reports)
    assert found.floor("two_nn").noise == pytest.approx(1.0)
    assert found.floor("isoscore").limit is None
    chance = 0.00135
    t = (1 - 2 * chance) / np.sqrt(2 * chance * (1 - chance))  # Student's of 2 degrees has a formula
    assert found.floor("two_nn").limit == pytest.approx(t * np.sqrt(2))
    two = noise_floor(*reports[:2])
    assert two.quantile is None
    assert two.floor("two_nn").reason == "a limit needs at least 3 values"


def test_a_value_below_zero_has_its_size_to_take_a_share_of():
    values = (-10.0, -10.01, -10.02)
    found = noise_floor(*(report(row("two_nn", value), name=f"seed{value}") for value in values)).floor("two_nn")
    assert found.relative == pytest.approx(0.01 / 10.01)
    assert found.amount == "2.8%"  # of 2.71


def test_trainings_of_too_unlike_sizes_have_no_limit():
    sizes = (1000, 1000, 1200)
    reports = [report(row("two_nn", 9.0 + place, n=n), name=f"seed-{place}") for place, n in enumerate(sizes)]
    found = noise_floor(*reports).floor("two_nn")
    assert (found.mean, found.limit) == (None, None)
    assert found.reason.startswith("it depends on n")


@pytest.mark.parametrize(
    ("limit", "mean", "amount"),
    [
        (0.3, 0.1, "0.3"),
        (0.07, 0.05, "0.07"),
        (0.3, 10.0, "3%"),
        (1.21, 1.0, "1.3"),
        (1234.0, 10.0, "1300"),
        (0.0301, -10.0, "0.31%"),
    ],
)
def test_an_amount_is_of_two_digits_and_no_smaller_than_the_limit(limit, mean, amount):
    assert _amount(limit, mean) == amount


def test_trainings_of_other_sequences_are_refused():
    one, other = (report(row("two_nn", 9.0), draw=f"sha256:{name}") for name in "ab")
    with pytest.raises(NotComparable, match="same sequences"):
        noise_floor(one, other)


def test_the_same_weights_twice_are_warned_of(tmp_path):
    rows, _ = clustered()
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", rows)
    with pytest.warns(UserWarning, match="same weights"):
        noise_floor(str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), measures=["anisotropy"])


@pytest.mark.parametrize(
    ("subjects", "options", "words"),
    [
        ((), {}, "expected a subject"),
        (("report.json",), {}, "rows to draw from"),
        ((np.eye(8),), {"draws": 2}, "expected --draws to be a whole number of at least 3 and at most 10,000, got 2"),
        ((np.eye(8),), {"draws": 5}, "at least 10 sequences"),
        ((np.eye(30),), {"corpora": ["sample"]}, "--corpus"),
        ((np.eye(30),), {"layers": "4"}, "expected no --layers with one cloud of rows, got layer 4"),
    ],
)
def test_mistakes_are_sentences(subjects, options, words):
    with pytest.raises(GeoscopeError, match=words):
        noise_floor(*subjects, **options)


# Forms and the command


def test_the_limits_can_be_pasted(tmp_path):
    rows, groups = clustered()
    np.save(tmp_path / "rows.npy", rows)
    found = noise_floor(rows, groups=groups, measures=FAST)
    (tmp_path / "pyproject.toml").write_text(found.to_toml())
    _, limits = find_limits(tmp_path)
    assert [limit.measure for limit in limits] == list(found.limits)
    base, again = (geoscope.measure(clustered(seed=seed)[0], measures=FAST, errors=False) for seed in (50, 51))
    assert not compare(base, again, limits=limits, strict=True).failed


def test_every_form_has_every_number():
    rows, groups = clustered()
    found = noise_floor(rows, groups=groups, measures=[*FAST, "first_position_energy"])
    assert json.loads(render(found, "json"))["schema_version"] == "1"
    lines = list(csv.reader(io.StringIO(render(found, "csv"))))
    names = [column.name for column in COLUMNS]
    assert lines[0] == names
    assert len(lines) == 6
    assert float(lines[1][names.index("noise")]) == found.floors[0].noise
    for form in ("table", "markdown"):
        text = render(found, form)
        assert "Student's t of 4 degrees" in text
        assert "undefined in 5 of 5" in text
        assert found.to_toml() in text
    assert render(found, "markdown").startswith("### noise floor of array, 5 draws\n")
    with pytest.raises(GeoscopeError, match="junit"):
        render(found, "junit")


def test_the_command_on_a_checkpoint(checkpoint_folder, corpus_file, tmp_path, capfd):
    line = ["noise-floor", str(checkpoint_folder("bert")), "--corpus", str(corpus_file), "--draws", "4"]
    line += ["--measures", "isoscore,two_nn", "--max-length", "32", "-q"]
    assert cli.main([*line, "--format", "json"]) == 0
    told = capfd.readouterr()
    assert told.err == ""
    assert [row["measure"] for row in json.loads(told.out)["floors"]] == ["isoscore", "two_nn"]
    assert cli.main([*line, "-o", str(tmp_path / "floor.md")]) == 0
    assert "[tool.geoscope.limits]\n" in (tmp_path / "floor.md").read_text()
    first, _ = told.out, cli.main([*line, "--format", "json"])
    assert capfd.readouterr().out == first


def test_the_command_over_trainings_and_its_exit_codes(checkpoint_folder, corpus_file, tmp_path, capfd):
    from safetensors.numpy import load_file, save_file

    for seed in range(3):
        folder = tmp_path / f"seed-{seed}"
        shutil.copytree(checkpoint_folder("bert"), folder)
        weights = load_file(folder / "model.safetensors")
        g = np.random.default_rng(seed)
        moved = {
            name: (each + 0.02 * g.standard_normal(each.shape)).astype(each.dtype) for name, each in weights.items()
        }
        save_file(moved, folder / "model.safetensors", metadata={"format": "pt"})
    runs = [str(tmp_path / f"seed-{seed}") for seed in range(3)]
    line = ["--corpus", str(corpus_file), "--measures", "isoscore,two_nn", "--max-length", "32", "-q"]
    assert cli.main(["noise-floor", *runs, *line, "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["over"], found["count"]) == ("trainings", 3)
    assert all(0 < row["relative"] < 1 for row in found["floors"])
    assert cli.main(["noise-floor", runs[0], *line, "--sequences", "5"]) == 2
    assert cli.main(["noise-floor", runs[0], *line, "--draws", "2"]) == 2
    capfd.readouterr()
    assert cli.main(["measure", runs[0], *line, "--max-length", "9", "-o", str(tmp_path / "short.json")]) == 0
    assert cli.main(["noise-floor", runs[1], str(tmp_path / "short.json"), *line]) == 4
    assert "max length" in capfd.readouterr().err

"""Sweeps: batch sizes, learning rates, selections and the rest as arms of one folder, with the trend along each."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("accelerate")
import scipy.stats

from geoscope.cli.app import main
from geoscope.errors import GeoscopeError
from geoscope.finetuning.outcome import FineTuning
from geoscope.finetuning.runs import TIMES, Run
from geoscope.finetuning.sweeps import finetune
from geoscope.report import Report
from geoscope.training.arms import Arm, grid

pytestmark = pytest.mark.usefixtures("one_thread")
Folder = Callable[[str], Path]
SWEEP = [
    "--regularizer", "none", "--regularizer", "entropy", "--regularizer", "patchiness", "--selection",
    "all,published", "--batch-size", "4,16", "--seeds", "1", "--epochs", "1",
    "--max-length", "32", "--device", "cpu", "--track", "all", "--measures", "isoscore_star,anisotropy",
    "--quantizer", "kmeans", "--codebook-points", "700", "--format", "json",
]  # fmt: skip


@pytest.fixture(scope="module")
def sweep(checkpoint_folder: Folder, texts: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder of eight arms, four under each of two batch sizes, and the command without its options."""
    place = tmp_path_factory.mktemp("sweep")
    with (place / "task.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence", "label"])
        writer.writerows([text, int(len(text.split()) > 15)] for text in texts)
    line = ["finetune", str(checkpoint_folder("bert")), "--task", str(place / "task.csv"), "-o", str(place / "runs")]
    assert main([*line, *SWEEP]) == 0
    return place / "runs", line


@pytest.fixture(scope="module")
def result(sweep: Any) -> FineTuning:
    return FineTuning.model_validate_json((sweep[0] / "results.json").read_text())


def test_every_combination_is_an_arm_of_its_own(result: FineTuning) -> None:
    penalties = [
        "none", "entropy_w1_all_first", "entropy_w1_published_first", "patchiness_w1_t0.2_last",
    ]  # fmt: skip
    assert [arm.name for arm in result.arms] == [f"{name}_b{size}" for size in (4, 16) for name in penalties]
    assert result.settings["hyperparameters"]["batch_size"] is None
    assert result.settings["hyperparameters"]["epochs"] == 1
    steps = {size: {row.n for row in result.measurements if row.batch_size == size} for size in (4, 16)}
    assert steps[4] == steps[16]


def test_an_arm_is_held_against_none_of_its_own_training(result: FineTuning) -> None:
    arms = {arm.name: arm for arm in result.arms}
    for size in (4, 16):
        none, mine = arms[f"none_b{size}"], arms[f"entropy_w1_all_first_b{size}"]
        for base, found in zip(none.geometry, mine.geometry, strict=True):
            change = np.subtract(found.values, base.values)
            assert found.against_none is not None
            assert found.against_none.difference == pytest.approx(np.mean(change))
        assert none.geometry[0].against_none is None


def test_the_line_along_batch_sizes_is_the_regression_within_what_is_alike(result: FineTuning) -> None:
    """Of entropy: two selections are two groups of two batch sizes, two doublings apart."""
    lines = [line for line in result.along if (line.regularizer, line.setting) == ("entropy", "batch_size")]
    assert {"accuracy", "loss", "isoscore_star", "anisotropy"} <= {line.measure for line in lines}
    for line in lines:
        rows = [
            row
            for row in result.measurements
            if (row.regularizer, row.cloud, row.measure, row.epoch) == ("entropy", line.cloud, line.measure, 1)
        ]
        y = {(row.selection, row.selection_factor, row.seed, row.batch_size): row.value for row in rows}
        change = [y[(*key, 16)] - y[(*key, 4)] for key in dict.fromkeys(key[:3] for key in y)]
        assert (line.scale, line.values, line.runs, len(change)) == ("log2", [4, 16], 4, 2)
        if line.slope is None:
            assert "the same in all 4 points" in line.reason
            assert not np.any(change)
            continue
        assert line.slope == pytest.approx(np.mean(change) / 2, abs=1e-12)
        if line.p is not None:
            assert line.p == pytest.approx(scipy.stats.ttest_1samp(change, 0).pvalue, rel=1e-6)
            assert line.p_adjusted >= line.p
    settings = {(line.regularizer, line.setting) for line in result.along}
    assert settings == {("entropy", "batch_size")}  # one run of the others a batch size: no line


def test_every_layer_is_followed_before_and_after(result: FineTuning, sweep: Any) -> None:
    clouds = {(row.cloud, row.layer) for row in result.measurements if row.cloud is not None}
    assert clouds == {
        ("union", None), ("first", 3), ("last", 3), ("layer-00", 0), ("layer-01", 1), ("layer-02", 2),
    }  # fmt: skip
    assert {row.cloud for row in result.before} == {cloud for cloud, _ in clouds}
    run = sweep[0] / "none_b4" / "seed0"
    report = Report.read(run / "report.json")
    assert [each.layer for each in report.measurements if each.measure == "anisotropy"] == [0, 1, 2, 3, None]
    for layer, cloud in ((0, "layer-00"), (3, "last")):
        assert report.value("anisotropy", layer) == next(
            row.value
            for row in result.measurements
            if (row.regularizer, row.batch_size, row.seed, row.epoch) == ("none", 4, 0, 1)
            and (row.cloud, row.measure) == (cloud, "anisotropy")
        )


def test_what_a_penalty_did_is_in_the_results(result: FineTuning, sweep: Any) -> None:
    for arm in result.arms:
        kind = arm.settings["regularizer"]
        if kind == "none":
            assert arm.penalties == []
            continue
        (each,) = arm.penalties
        assert each.penalty_gradient > 0 or arm.settings["batch_size"] == 4
        assert each.task_gradient > 0
        assert (each.penalty is None) == (kind == "patchiness")
        assert (each.penalty_patchiness is None) == (kind != "patchiness")
        if kind != "entropy" or each.penalty_classes_skipped == each.penalty_classes:
            assert each.penalty_bars is None
        else:
            assert each.penalty_bars > each.penalty_bars_kept - 1e-9
        times = json.loads((sweep[0] / arm.name / "seed0" / TIMES).read_text())
        assert all(entry["step_milliseconds"] > 0 for entry in times)
    kept = {arm.name: arm.penalties[0] for arm in result.arms if arm.settings["regularizer"] == "entropy"}
    assert kept["entropy_w1_published_first_b4"].penalty_classes_skipped > 0
    assert kept["entropy_w1_all_first_b16"].penalty_bars_share == 1
    assert kept["entropy_w1_published_first_b16"].penalty_bars_kept < kept["entropy_w1_all_first_b16"].penalty_bars_kept


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "html"])
def test_every_form_has_the_arms_in_one_table(sweep: Any, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert main(["show", str(sweep[0] / "results.json"), "--format", form]) == 0
    said = capsys.readouterr().out
    if form == "csv":
        rows = list(csv.DictReader(said.splitlines()))
        assert {row["batch_size"] for row in rows} == {"4", "16"}
        return
    for words in (
        "along a setting",
        "anisotropy by layer",
        "batch size",
        "patchiness",
        "its gradient",
        "each arm's own",
    ):
        assert words in said.replace("&#x27;", "'").replace("&#39;", "'")
    assert "nan" not in said.lower().split()


def test_other_batch_sizes_join_the_folder_and_one_alone_is_refused(sweep: Any, checkpoint_folder: Folder) -> None:
    folder, line = sweep
    shared: dict[str, Any] = {
        "epochs": 1, "max_length": 32, "device": "cpu", "measures": ["isoscore_star", "anisotropy"], "track": "all",
        "quantizer": "kmeans", "seeds": 1,
    }  # fmt: skip
    with pytest.raises(GeoscopeError, match="batch_size"):
        finetune(line[1], task=line[3], output=folder, batch_size=4, **shared)
    found = finetune(line[1], task=line[3], output=folder, batch_size=[4, 20], **shared)
    assert [arm.name for arm in found.arms][-1] == "none_b20"
    assert Run.at(folder / "none_b20" / "seed0").arm == Arm("none", batch_size=20)


def test_arms_of_several_trainings() -> None:
    settings: dict[str, Any] = {
        "noise_weight": 0.0, "points_from": None, "reference_points": 9, "temperature": 0.1, "codebook_points": 99,
        "codebook_steps": None, "selections": ["all"], "selection_factors": [1.0, 2.0],
    }  # fmt: skip
    arms = grid(
        ["istar=0,1", "entropy"], [1.0], [0.2, 0.4], trainings={"epochs": [1, 2], "learning_rate": [1e-5]}, **settings
    )
    assert [arm.name for arm in arms[:4]] == [
        "none_e1_lr1e-05", "istar_w1_z0.2_tokens_e1_lr1e-05", "istar_w1_z0.4_tokens_e1_lr1e-05",
        "entropy_w1_all_first_e1_lr1e-05",
    ]  # fmt: skip  # Q does not bear on all bars: one arm of two factors
    assert len(arms) == 8
    assert arms[1].penalty.name == "istar_w1_z0.2_tokens"
    assert arms[1].training == {"epochs": 1, "learning_rate": 1e-5}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"batch_size": [16, 0]}, "--batch-size to be whole numbers of at least 1"),
        ({"epochs": 1.5}, "--epochs"),
        ({"epochs": 2**63}, "--epochs to be whole numbers"),
        ({"epochs": []}, "--epochs to be whole numbers"),
        ({"epochs": "1,x"}, "--epochs to hold numbers"),
        ({"epochs": "1,2.5"}, "--epochs to hold whole numbers"),
        ({"learning_rate": [1e-5, float("nan")]}, "--learning-rate to be numbers of at least 0"),
        ({"selection": "all,some"}, "a --selection of all, strict, relative, published, random"),
        ({"selection_factor": 0}, "a finite --selection-factor above 0"),
        ({"temperature": -1.0}, "a finite --temperature above 0"),
        ({"track": "some"}, "--track to be one of last, all"),
    ],
)
def test_what_is_no_sweep_is_a_sentence(
    sweep: Any, checkpoint_folder: Folder, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(GeoscopeError, match=said):
        finetune(str(checkpoint_folder("bert")), task=sweep[1][3], output=tmp_path / "runs", **given)
    assert not (tmp_path / "runs").exists()


def test_a_patchiness_goes_on_to_the_same_bytes(checkpoint_folder: Folder, sweep: Any, tmp_path: Path) -> None:
    """Interrupted in the second epoch: the codebooks that it goes on with are those it would have had."""
    options: dict[str, Any] = {
        "task": sweep[1][3], "regularizers": ["patchiness=2"], "seeds": 1, "epochs": 2, "batch_size": 8,
        "max_length": 32, "device": "cpu", "measures": ["anisotropy"], "quantizer": "kmeans", "codebook_points": 700,
        "codebook_steps": 3,
    }  # fmt: skip

    def stopping(done: int, total: int, what: str) -> None:
        if done == 6:  # of 8
            raise KeyboardInterrupt

    folder = str(checkpoint_folder("bert"))
    with pytest.raises(KeyboardInterrupt):
        finetune(folder, output=tmp_path / "stopped", progress=stopping, **options)
    for name in ("stopped", "whole"):
        finetune(folder, output=tmp_path / name, **options)
    run = Path("patchiness_w2_t0.2_last/seed0")
    for file in ("scores.json", "geometry.json", "checkpoint/model.safetensors"):
        assert (tmp_path / "stopped" / run / file).read_bytes() == (tmp_path / "whole" / run / file).read_bytes()

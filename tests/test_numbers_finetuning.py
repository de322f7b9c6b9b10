"""Fine-tuning where numbers have no value: undefined geometry in every form, and penalties that move nothing."""

from __future__ import annotations

import csv
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("accelerate")
import torch

from geoscope.cli.app import main
from geoscope.regularizers import class_entropies, persistent_entropy_loss
from geoscope.regularizers.points import warn_once

pytestmark = pytest.mark.usefixtures("one_thread")
Folder = Callable[[str], Path]
WHY = "all rows are equal"


@pytest.fixture(autouse=True)
def _nothing_said_yet() -> None:
    warn_once.cache_clear()


def write_task(path: Path, texts: tuple[str, ...]) -> Path:
    """The sentences, each begun with the same word, labelled by their length."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence", "label"])
        writer.writerows([f"w00 {text}", int(len(text.split()) > 15)] for text in texts)
    return path


def command(checkpoint: Path, task: Path, folder: Path, *options: str) -> list[str]:
    return [
        "finetune", str(checkpoint), "--task", str(task), "-o", str(folder), "--seeds", "1", "--epochs", "1",
        "--batch-size", "16", "--max-length", "32", "--device", "cpu", *options,
    ]  # fmt: skip


# A decoder's first token sees nothing else: where it is always the same, so are its states.


@pytest.fixture(scope="module")
def decoder(
    checkpoint_folder: Folder, texts: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Path, list[str]]:
    """How the fine-tuning of a decoder ended, its folder, and the command."""
    place = tmp_path_factory.mktemp("decoder")
    line = command(checkpoint_folder("llama"), write_task(place / "task.csv", texts), place / "runs", "--quiet")
    return main([*line, "--format", "json"]), place / "runs", line


def test_a_decoder_is_fine_tuned_and_its_first_tokens_undefined_with_the_reason(decoder: Any) -> None:
    code, folder, _ = decoder
    assert code == 0
    study = json.loads((folder / "results.json").read_text())
    first = {row["measure"]: row for row in study["measurements"] if row["cloud"] == "first" and row["epoch"] == 1}
    reasons = {key: row["reason"] for key, row in first.items() if row["value"] is None}
    assert reasons.keys() == {"isoscore_star", "anisotropy", "two_nn"}
    assert reasons["isoscore_star"] == reasons["anisotropy"] == WHY
    assert all(reasons.values())
    (arm,) = study["arms"]
    spreads = {each["measure"]: each for each in arm["geometry"] if each["cloud"] == "first"}
    assert {key: each["reason"] for key, each in spreads.items() if each["mean"] is None} == reasons
    assert all(each["reason"] is None for each in arm["geometry"] if each["mean"] is not None)


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "html"])
def test_every_form_says_what_is_undefined_and_why(decoder: Any, capsys: pytest.CaptureFixture[str], form: str) -> None:
    _, folder, line = decoder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("seed0/*")}
    code = main([*line, "--format", form])
    said = capsys.readouterr().out
    assert code == 0
    assert WHY in said
    if form == "csv":
        rows = list(csv.DictReader(said.splitlines()))
        assert all(bool(row["value"]) != bool(row["reason"]) for row in rows)
    else:
        assert f"undefined, because {WHY}: " in said.replace("\\_", "_")
    if form == "html":
        assert f"epoch 1: undefined, {WHY}" in said  # where the pointer rests on the chart
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_checkpoint_without_a_first_token_of_its_own_is_no_different(
    checkpoint_folder: Folder, texts: tuple[str, ...], tmp_path: Path
) -> None:
    """gpt2's tokenizer adds none, but all sentences begin alike."""
    task = write_task(tmp_path / "task.csv", texts)
    code = main(command(checkpoint_folder("gpt2"), task, tmp_path / "runs", "--quiet", "--measures", "anisotropy"))
    assert code == 0
    assert f"undefined, {WHY}" in (tmp_path / "runs" / "results.html").read_text()


def test_a_score_without_a_value_in_any_epoch_has_its_place_too(decoder: Any) -> None:
    from geoscope.documents.rendering import render
    from geoscope.finetuning.outcome import FineTuning

    study = FineTuning.model_validate_json((decoder[1] / "results.json").read_text())
    rows = [
        row.model_copy(update={"value": None, "reason": "predictions are all the same"}) if row.cloud is None else row
        for row in study.measurements
    ]
    page = render(study.model_copy(update={"measurements": rows}), "html")
    assert page.count("epoch 1: undefined, predictions are all the same") == len([r for r in rows if r.cloud is None])
    assert "accuracy by epoch. none: undefined." in page


def test_an_axis_of_nothing_is_an_axis() -> None:
    from geoscope.document import Chart, Point, Scatter, Series
    from geoscope.forms.html.charts import chart
    from geoscope.forms.html.scales import layer_scale, level_scale, lying_scale, standing_scale

    for scale in (layer_scale, level_scale, lying_scale, standing_scale):
        assert scale([], 10.0, 90.0).ticks == ()
        assert 10.0 <= scale([], 10.0, 90.0)(0.0) <= 90.0
    gaps = [Point(float(layer), None, f"layer {layer}", "undefined") for layer in (0, 1)]
    for points in ([], gaps[:1], gaps):
        series = [Series(0, "a", points)]
        assert ">undefined</text>" in chart(Chart("about", series, places=[0.0, 1.0]))
        assert ">undefined</text>" in chart(Scatter("about", series, ("x", "y")))


def test_a_reference_of_states_that_are_all_the_same_is_refused_before_training(
    decoder: Any, checkpoint_folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*decoder[2], "--regularizer", "istar", "--points-from", "first"])
    assert code == 2
    assert "hidden states that differ to take istar's reference covariance from" in capsys.readouterr().err


# A selection that keeps fewer than two bars has an entropy of 0, whatever they are.


def two_clusters() -> torch.Tensor:
    """Apart by one bar, the longest by far."""
    points = np.random.default_rng(0).standard_normal((40, 64))
    points[20:] += 50.0
    return torch.tensor(points, requires_grad=True)


@pytest.mark.parametrize("selection", ["relative", "strict"])
def test_a_loss_without_gradient_says_so(selection: str) -> None:
    points = two_clusters()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            persistent_entropy_loss(points, selection=selection).backward()
    assert not points.grad.any()
    assert [str(each.message) for each in told] == [
        f"the selection '{selection}' kept fewer than two bars in every class: the loss has no gradient"
    ]
    assert told[0].filename == __file__


def test_what_a_selection_kept_is_counted_for_each_class() -> None:
    points, labels = two_clusters(), torch.arange(40) % 2
    found = class_entropies(points, selection="relative")
    assert [(each.bars, each.kept, each.deficit) for each in found.selected] == [(39, 1, 0.0)]
    assert found.flat
    whole = class_entropies(points, labels)
    assert [(each.bars, each.kept) for each in whole.selected] == [(19, 19)] * 2
    assert not whole.flat
    entropy = -whole.loss.item()
    assert sum(each.deficit for each in whole.selected) == pytest.approx(2 * math.log(19) - entropy)
    noisy = class_entropies(points, selection="relative", noise_weight=0.1)
    noisy.loss.backward()
    assert not noisy.flat
    assert points.grad.any()


def test_whether_points_are_moved_is_read_off_their_gradient() -> None:
    from geoscope.training.penalties import Penalties

    penalties, x = Penalties(), torch.arange(6.0, requires_grad=True)
    for factor, points in ((2.0, x * 1), (0.0, x * 1), (3.0, x * 1), (4.0, x.detach())):
        loss = factor * points.sum()
        penalties.add(loss, points)
        if loss.requires_grad:
            loss.backward()
    assert penalties.taken("istar") == {"penalty": 9 * 15 / 4, "penalty_without_gradient": 0.5}
    assert penalties.taken("istar") == {}


def test_a_penalty_that_moves_nothing_is_logged_and_said_once_a_run(
    checkpoint_folder: Folder, texts: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two sentences a batch have one bar at most, so that training is what it is without a regularizer."""
    task, folder = write_task(tmp_path / "task.csv", texts[:16]), tmp_path / "runs"
    code = main(
        command(
            checkpoint_folder("bert"), task, folder, "--regularizer", "none", "--regularizer", "entropy",
            "--regularizer", "istar", "--batch-size", "2", "--epochs", "2", "--selection", "relative",
            "--measures", "anisotropy",
        )
    )  # fmt: skip
    said = capsys.readouterr().err
    assert code == 0
    warned = [line for line in said.splitlines() if "the entropy penalty has no gradient" in line]
    assert len(warned) == 1
    assert "in 100 % of batches" in warned[0]
    assert "'relative' keeps 1 of 1 bars a class on average" in warned[0]
    assert "istar penalty" not in said
    none, istar, entropy = json.loads((folder / "results.json").read_text())["arms"]
    assert [spread["values"] for spread in none["scores"]] == [spread["values"] for spread in entropy["scores"]]
    assert none["penalties"] == []
    assert [each["epoch"] for each in entropy["penalties"]] == [1, 2]
    for each in entropy["penalties"]:
        assert (each["penalty_without_gradient"], each["penalty"]) == (1, 0)
        assert (each["penalty_bars"], each["penalty_bars_kept"], each["penalty_deficit"]) == (1, 1, 0)
    for each in istar["penalties"]:
        assert (each["penalty_without_gradient"], each["penalty_bars"]) == (0, None)
        assert 0 < each["penalty"] < 1
    page = (folder / "results.html").read_text()
    assert "100 %" in page
    assert "without gradient" in page
    kept = json.loads((folder / "entropy_w1_relative_first" / "seed0" / "scores.json").read_text())["penalties"]
    assert [list(each) for each in kept] == [
        [
            "epoch", "penalty", "penalty_without_gradient", "penalty_gradient", "task_gradient", "penalty_classes",
            "penalty_classes_skipped", "penalty_bars", "penalty_bars_kept", "penalty_bars_share", "penalty_deficit",
        ]
    ] * 2  # fmt: skip
    assert all((each["penalty_gradient"], each["task_gradient"] > 0) == (0, True) for each in kept)

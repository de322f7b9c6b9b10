"""Models that read pixels: every regularizer and the geometry's callback on a small vision transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("accelerate")
import torch
from transformers import TrainingArguments, ViTConfig, ViTForImageClassification

from geoscope.errors import GeoscopeError
from geoscope.measures import isoscore_star, two_nn
from geoscope.training.geometry_callback import GeometryCallback
from geoscope.training.references import learnt_codebooks, reference_covariance
from geoscope.training.regularization import Regularization
from geoscope.training.trainer import RegularizedTrainer

pytestmark = pytest.mark.usefixtures("one_thread")
POSITIONS, LAYERS = 17, 2  # 4 x 4 patches and the class token
SMALL: dict[str, Any] = {"quantizer": "kmeans", "bits": 3, "codebook_points": 300}


def images(count: int) -> list[dict[str, Any]]:
    """Noise of two kinds."""
    pixels = np.random.default_rng(0).standard_normal((count, 3, 16, 16)).astype(np.float32)
    return [{"pixel_values": torch.tensor(each * (1 + i % 2)), "labels": i % 2} for i, each in enumerate(pixels)]


def make(folder: Path, regularization: Regularization | None = None, **settings: Any) -> Any:
    """A Trainer over a small vision transformer of random weights."""
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=16, patch_size=4, hidden_size=16, intermediate_size=32, num_hidden_layers=LAYERS,
        num_attention_heads=2, num_labels=2,
    )  # fmt: skip
    given = {"num_train_epochs": 1, "per_device_train_batch_size": 12, "learning_rate": 1e-2} | settings
    args = TrainingArguments(
        str(folder), report_to="none", save_strategy="no", disable_tqdm=True, use_cpu=True, logging_strategy="epoch",
        seed=0, remove_unused_columns=False, **given,
    )  # fmt: skip
    return RegularizedTrainer(
        model=ViTForImageClassification(config), args=args, train_dataset=images(36), regularization=regularization
    )


@pytest.mark.parametrize(
    "regularization",
    [
        Regularization("istar", shrinkage=0.5, reference_points=300),
        Regularization("istar", shrinkage=0.5, points_from="first"),
        Regularization("cosreg"),
        Regularization("entropy", selection="all"),
        Regularization("patchiness", **SMALL),
    ],
    ids=lambda each: f"{each.kind} {each.points_from}",
)
def test_every_regularizer_trains_on_pixels(regularization: Regularization, tmp_path: Path) -> None:
    trainer = make(tmp_path, regularization)
    trainer.train()
    logged = {name: value for entry in trainer.state.log_history for name, value in entry.items()}
    assert np.isfinite(logged["loss"])
    assert logged["penalty_without_gradient"] == 0.0
    assert logged["penalty_gradient"] > 0.0


def test_points_are_patches_and_class_token_or_the_class_token(tmp_path: Path) -> None:
    model = make(tmp_path).model.eval()
    batch = torch.stack([each["pixel_values"] for each in images(5)])
    with torch.no_grad():
        outputs = model(batch, output_hidden_states=True)
    for points_from, count in (("tokens", LAYERS * POSITIONS), ("last", POSITIONS), ("first", 1)):
        chosen = Regularization("istar", points_from=points_from)
        assert len(chosen.points_of(outputs, None)) == 5 * count
        assert np.bincount(chosen.owners_of(outputs, None)).tolist() == [count] * 5
    first = Regularization("istar", points_from="first").points_of(outputs, None)
    assert torch.equal(first, outputs.hidden_states[-1][:, 0])


def test_a_reference_takes_as_many_patches_as_asked_for(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    trainer.model.eval()
    with torch.no_grad():
        states = trainer.model(
            torch.stack([each["pixel_values"] for each in images(36)]), output_hidden_states=True
        ).hidden_states
    rows = torch.cat([layer.flatten(0, 1) for layer in states[1:]]).double()
    found = reference_covariance(trainer, Regularization("istar", reference_points=10**6))
    np.testing.assert_allclose(found, np.cov(rows.numpy().T), rtol=1e-4, atol=1e-7)
    learnt = learnt_codebooks(trainer, Regularization("patchiness", **SMALL))
    assert learnt.codebooks.tables.shape == (1, 8, 16)


def test_the_callback_measures_patches_and_class_tokens(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    data = images(9)
    callback = GeometryCallback(
        trainer, data, ["isoscore_star", "two_nn"], clouds=("union", "last", "first", "layers"), points=10_000
    )
    trainer.add_callback(callback)
    trainer.train()
    assert [entry["epoch"] for entry in callback.history] == [0, 1]
    trainer.model.eval()
    with torch.no_grad():
        states = trainer.model(
            torch.stack([each["pixel_values"] for each in data]), output_hidden_states=True
        ).hidden_states
    clouds = {f"layer-{number:02d}": states[number].flatten(0, 1) for number in range(LAYERS)}
    clouds |= {"last": states[-1].flatten(0, 1), "first": states[-1][:, 0]}
    clouds["union"] = torch.cat([layer.flatten(0, 1) for layer in states[1:]])
    last = {(row["cloud"], row["measure"]): row for row in callback.history[-1]["geometry"]}
    assert {cloud for cloud, _ in last} == set(clouds)
    for cloud, rows in clouds.items():
        assert last[cloud, "isoscore_star"]["n"] == len(rows)
        assert last[cloud, "isoscore_star"]["value"] == pytest.approx(isoscore_star(rows.numpy()), rel=1e-4)
    assert last["last", "two_nn"]["value"] == pytest.approx(two_nn(clouds["last"].numpy()), rel=1e-4)


def test_images_of_several_sizes_and_none_are_refused(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    uneven = [*images(2), {"pixel_values": torch.zeros(3, 8, 8)}]
    with pytest.raises(GeoscopeError, match="examples of one size"):
        GeometryCallback(trainer, uneven, ["anisotropy"]).measure(trainer.state)
    with pytest.raises(GeoscopeError, match="examples to measure the geometry on, got none"):
        GeometryCallback(trainer, [], ["anisotropy"])


def test_states_that_are_no_rows_are_refused() -> None:
    class Output:
        hidden_states = (torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 2, 2))

    class Narrowing:
        hidden_states = (torch.zeros(2, 3, 4), torch.zeros(2, 3, 4), torch.zeros(2, 3, 8))

    with pytest.raises(GeoscopeError, match=r"hidden states of \(batch, positions, dimensions\)"):
        Regularization("istar").points_of(Output(), None)
    with pytest.raises(GeoscopeError, match="layers of one width to make one cloud of, got 4, 8"):
        Regularization("istar").points_of(Narrowing(), None)
    assert Regularization("cosreg").points_of(Narrowing(), None).shape == (6, 8)

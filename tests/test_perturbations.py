"""Perturbed weights: exactly as said, the same on any number of threads, and afterwards as they were to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geoscope.errors import GeoscopeError
from geoscope.settings.studying import DEFAULT_LEVELS
from geoscope.studies.changes import Change, State
from geoscope.studies.levels import GRIDS, parse_levels
from geoscope.studies.perturbations import ChangedWeights, Perturbation, noise_targets, noised, standard_normal
from geoscope.studies.saving import check_model, check_place, save_checkpoint
from geoscope.subjects.models.checkpoints import Checkpoint, fingerprint_of, load_checkpoint

Load = Callable[[str], Checkpoint]


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    """Whether two models' weights are the same bits."""
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype
        and torch.equal(left[name].reshape(-1).view(torch.uint8), right[name].reshape(-1).view(torch.uint8))
        for name in left
    )


def put(loaded: Checkpoint, change: Change, state: State, donor: Checkpoint | None = None) -> dict[str, torch.Tensor]:
    """The weights in a state, the model being left as it was."""
    perturbation = Perturbation.of(change, loaded, donor)
    with ChangedWeights(loaded.model, perturbation.names) as weights:
        perturbation.put(weights, state)
        return weights_of(loaded.model)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# Noise


def test_noise_is_the_published_mixture(checkpoint: Load) -> None:
    loaded = checkpoint("bert")
    before = weights_of(loaded.model)
    name = "encoder.layer.1.attention.self.query.weight"
    after = put(loaded, Change(), State(25.0, 7))
    noise = standard_normal(f"25\0{name}", (32, 32), 7)
    expected = torch.from_numpy(0.75 * before[name].double().numpy() + 0.25 * noise).float()
    assert torch.equal(after[name], expected)


def test_noise_is_standard_normal_and_another_for_each_weight_and_seed() -> None:
    draws = np.stack([standard_normal("a", (300, 300), 0), standard_normal("b", (300, 300), 0)])
    assert abs(draws.mean()) < 5 / np.sqrt(draws.size)
    assert abs(draws.var() - 1) < 5 * np.sqrt(2 / draws.size)
    rows = np.vstack([draws.reshape(2, -1), standard_normal("a", (300, 300), 1).reshape(1, -1)])
    assert np.abs(np.corrcoef(rows) - np.eye(3)).max() < 5 / np.sqrt(rows.shape[1])
    assert np.array_equal(draws[0], standard_normal("a", (300, 300), 0))


def test_the_levels_of_a_seed_lie_on_a_straight_path() -> None:
    weights = np.random.default_rng(0).standard_normal((50, 50))
    at = {level: noised(level, 3, "absolute", "straight")("w", weights) for level in (0.0, 20.0, 50.0, 100.0)}
    assert np.array_equal(at[0.0], weights)
    assert np.allclose(at[20.0], 0.6 * at[0.0] + 0.4 * at[50.0], atol=1e-15)
    assert np.array_equal(at[100.0], standard_normal("w", (50, 50), 3))


def test_as_published_every_level_draws_anew() -> None:
    weights = np.zeros((300, 300))
    draws = [noised(level, 3, "absolute")("w", weights) / (level / 100) for level in (20.0, 50.0, 50.5)]
    rows = np.stack(draws).reshape(3, -1)
    assert np.abs(np.corrcoef(rows) - np.eye(3)).max() < 5 / np.sqrt(rows.shape[1])
    assert np.array_equal(draws[1], noised(50.0, 3, "absolute")("w", weights) / 0.5)
    one = [noised(level, 3, "absolute", "straight")("w", weights) / (level / 100) for level in (20.0, 50.0)]
    assert np.allclose(one[0], one[1], atol=1e-12)


def test_relative_noise_has_the_deviation_of_the_weights_it_goes_to() -> None:
    weights = 0.05 * np.random.default_rng(0).standard_normal((400, 400)) + 0.2
    absolute = noised(100.0, 0, "absolute")("w", weights)
    relative = noised(100.0, 0, "relative")("w", weights)
    assert absolute.std() == pytest.approx(1.0, abs=0.01)
    assert relative.std() == pytest.approx(weights.std(), rel=0.01)
    assert np.allclose(relative, weights.std() * absolute, rtol=1e-12)
    mixed = noised(5.0, 0, "absolute")("w", weights)  # section 6.5 of the published values: 0.0690 for a deviation 0.05
    assert mixed.std() == pytest.approx(np.hypot(0.95 * weights.std(), 0.05), rel=0.01)


def test_published_targets_are_every_weight_of_the_encoder(checkpoint: Load) -> None:
    model = checkpoint("bert").model
    names = noise_targets(model, 3, None)
    assert set(names) == {
        name for name, _ in model.named_parameters() if name[:7] == "encoder" and name[-6:] == "weight"
    }
    assert any("LayerNorm.weight" in name for name in names)
    before, after = weights_of(model), put(checkpoint("bert"), Change(), State(10.0, 0))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(names)


@pytest.mark.parametrize(
    ("kind", "root"), [("gpt2", "h."), ("llama", "layers."), ("roberta", "encoder."), ("t5", "block.")]
)
def test_default_targets_of_models_of_other_kinds_are_their_blocks(checkpoint: Load, kind: str, root: str) -> None:
    loaded = checkpoint(kind)
    names = noise_targets(loaded.model, loaded.layers, None)
    assert all(name.startswith(root) and name.endswith("weight") for name in names)
    blocks = {name.removeprefix(root).removeprefix("layer.").split(".")[0] for name in names}
    assert blocks == {"0", "1", "2"}


def test_targets_are_a_pattern(checkpoint: Load) -> None:
    loaded = checkpoint("bert")
    names = noise_targets(loaded.model, 3, "encoder.layer.0.*.query.weight, *.word_embeddings.weight")
    assert set(names) == {"encoder.layer.0.attention.self.query.weight", "embeddings.word_embeddings.weight"}
    with pytest.raises(GeoscopeError, match=r"--targets .* got none for 'decoder.\*'"):
        noise_targets(loaded.model, 3, "decoder.*")


# Exactness


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "t5"])
def test_level_0_is_the_untouched_model_and_all_is_as_it_was_after(checkpoint: Load, kind: str) -> None:
    loaded = checkpoint(kind)
    before, printed = weights_of(loaded.model), fingerprint_of(loaded.model)
    assert same(put(loaded, Change(), State(0.0, None)), before)
    assert not same(put(loaded, Change(), State(1.0, 0)), before)
    assert same(weights_of(loaded.model), before)
    assert fingerprint_of(loaded.model) == printed


def test_negative_zeros_stay_what_they_are() -> None:
    model = torch.nn.Linear(2, 1)
    model.weight.data = torch.tensor([[-0.0, 1.0]])
    with ChangedWeights(model, ["weight"]) as weights:
        weights.change(lambda name, values: values + 1)
        weights.restore()
        assert torch.signbit(model.weight).tolist() == [[True, False]]


def test_what_is_not_restored_is_told() -> None:
    model = torch.nn.Linear(2, 1)
    with pytest.raises(RuntimeError, match="not what they were"), ChangedWeights(model, ["weight"]):
        model.bias.data += 1


def test_an_error_on_the_way_is_the_one_that_is_raised_and_the_weights_are_back() -> None:
    model = torch.nn.Linear(2, 1)
    before = weights_of(model)

    def fail() -> None:
        with ChangedWeights(model, ["weight"]) as weights:
            weights.change(lambda name, values: 2 * values)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert same(weights_of(model), before)


@pytest.mark.parametrize(
    "change", [Change(), Change(noise_kind="relative"), Change("untrained"), Change("shuffle-embeddings")]
)
def test_the_same_seed_gives_the_same_weights_on_any_number_of_threads(checkpoint: Load, change: Change) -> None:
    loaded = checkpoint("bert")
    state = State(30.0 if change.kind == "noise" else None, 5)
    with threads(1):
        one = put(loaded, change, state)
    with threads(2):
        two = put(loaded, change, state)
    assert same(one, two)
    assert not same(one, put(loaded, change, replace(state, seed=6)))


def test_large_matrices_do_not_depend_on_threads_either() -> None:
    weights = np.random.default_rng(0).standard_normal((700, 700)).astype(np.float32)
    model = torch.nn.Linear(700, 700)
    model.weight.data = torch.from_numpy(weights)
    found = []
    for count in (1, 2):
        with threads(count), ChangedWeights(model, ["weight"]) as changed:
            changed.change(noised(12.5, 0, "relative"))
            found.append(weights_of(model))
    assert same(*found)


def test_half_precision_is_rounded_once(checkpoint_folder: Callable[[str], Path]) -> None:
    loaded = load_checkpoint(str(checkpoint_folder("bert")), device="cpu", dtype="bfloat16")
    name = "encoder.layer.0.output.dense.weight"
    before = loaded.model.state_dict()[name].double().numpy()
    after = put(loaded, Change(), State(50.0, 1))[name]
    assert after.dtype == torch.bfloat16
    drawn = standard_normal(f"50\0{name}", before.shape, 1)
    assert torch.equal(after, torch.from_numpy(0.5 * before + 0.5 * drawn).bfloat16())


# The other kinds


def test_shuffled_embeddings_are_the_same_rows_in_another_order(checkpoint: Load) -> None:
    loaded = checkpoint("bert")
    name = "embeddings.word_embeddings.weight"
    before, after = weights_of(loaded.model), put(loaded, Change("shuffle-embeddings"), State(None, 0))
    assert {key for key in before if not torch.equal(before[key], after[key])} == {name}
    assert sorted(before[name].tolist()) == sorted(after[name].tolist())  # each once: none lost, none doubled


def test_an_untrained_model_has_the_initialisation_of_its_configuration(checkpoint: Load) -> None:
    loaded = checkpoint("bert")
    before, after = weights_of(loaded.model), put(loaded, Change("untrained"), State(None, 11))
    torch.manual_seed(11)
    assert same(after, weights_of(type(loaded.model)(loaded.model.config)))
    name = "encoder.layer.0.output.dense.weight"
    assert abs(torch.corrcoef(torch.stack([after[name].flatten(), before[name].flatten()]))[0, 1]) < 0.1


def test_drawing_new_weights_leaves_torchs_own_generator_alone(checkpoint: Load) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    put(checkpoint("bert"), Change("untrained"), State(None, 0))
    assert torch.equal(torch.rand(4), expected)


def test_swapped_embeddings_are_the_others_with_its_tokenizer(checkpoint: Load) -> None:
    loaded, donor = checkpoint("bert"), checkpoint("roberta")
    change = Change("swap-embeddings=other")
    after = put(loaded, change, State(None, None), donor)
    theirs = donor.model.state_dict()["embeddings.word_embeddings.weight"]
    assert torch.equal(after["embeddings.word_embeddings.weight"], theirs)
    perturbation = Perturbation.of(change, loaded, donor)
    assert perturbation.checkpoint.tokenizer is donor.tokenizer
    assert perturbation.settings["donor_fingerprint"] == donor.fingerprint


def test_embeddings_of_another_size_are_refused(checkpoint: Load) -> None:
    narrow = type("Narrow", (), {"get_input_embeddings": lambda self: torch.nn.Embedding(10, 8)})()
    donor = replace(checkpoint("roberta"), model=narrow)
    with pytest.raises(GeoscopeError, match="expected embeddings of 32 dimensions"):
        Perturbation.of(Change("swap-embeddings=other"), checkpoint("bert"), donor)


# What is asked for


def test_the_published_grid_has_43_levels_and_the_untouched_model() -> None:
    grid = GRIDS["marbut2024"]
    assert len(grid) == 44
    assert grid[:4] == (0.0, 0.5, 1.0, 1.5)
    assert {10.0, 11.0, 20.0, 23.0, 35.0, 100.0} < set(grid)
    assert not {10.5, 21.0, 45.0} & set(grid)
    assert list(grid) == sorted(set(grid))
    assert set(parse_levels(DEFAULT_LEVELS)) <= set(grid)


def test_levels_are_percentages_in_order_each_once() -> None:
    assert parse_levels("5,0.5, 0,5") == (0.0, 0.5, 5.0)
    assert parse_levels([3, 1.5]) == (1.5, 3.0)
    for wrong in ("", "a,b", "-1", "101", "1;2", "nan"):
        with pytest.raises(GeoscopeError, match="--levels"):
            parse_levels(wrong)


def test_every_level_has_every_seed_but_the_untouched_model_none() -> None:
    states = Change().states("0,5,10", 2, 7)
    assert [(state.level, state.seed) for state in states] == [(0, None), (5, 7), (5, 8), (10, 7), (10, 8)]
    assert states[0].keys == {"noise_level": 0.0}
    assert states[1].keys == {"noise_level": 5.0, "noise_seed": 7}
    assert [state.seed for state in Change("untrained").states(None, 3, 0)] == [0, 1, 2]
    assert [state.keys for state in Change("swap-embeddings=x").states(None, 3, 0)] == [{}]


@pytest.mark.parametrize(
    ("make", "about"),
    [
        (lambda: Change("salt"), "--kind"),
        (lambda: Change("swap-embeddings"), "--kind"),
        (lambda: Change("noise=x"), "--kind"),
        (lambda: Change(noise_kind="loud"), "--noise-kind"),
        (lambda: Change("untrained", targets="*"), "--targets"),
        (lambda: Change("untrained").states("1,2", 1, 0), "--levels"),
        (lambda: Change().states(None, 0, 0), "--seeds"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], about: str) -> None:
    with pytest.raises(GeoscopeError, match=about):
        make()


# Saving


def test_a_saved_state_is_that_model(checkpoint: Load, tmp_path: Path) -> None:
    loaded = checkpoint("bert")
    perturbation = Perturbation.of(Change(), loaded, None)
    with ChangedWeights(loaded.model, perturbation.names) as weights:
        perturbation.put(weights, State(10.0, 1))
        check_model(loaded)
        check_place(tmp_path / "levels")
        save_checkpoint(perturbation.checkpoint, tmp_path / "levels" / "level-10-seed-1")
        expected = weights_of(loaded.model)
    again = load_checkpoint(str(tmp_path / "levels" / "level-10-seed-1"), device="cpu")
    assert same(weights_of(again.model), expected)


def test_saving_is_refused_before_any_work(checkpoint: Load, tmp_path: Path) -> None:
    with pytest.raises(GeoscopeError, match="encoder alone"):
        check_model(checkpoint("t5"))
    with pytest.raises(GeoscopeError, match="--save"):
        check_place(tmp_path / "no" / "where")

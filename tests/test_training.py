"""Regularized training: what is added to the loss, from which hidden states, and what stays as it was."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("accelerate")
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainerCallback, TrainingArguments
from transformers.modeling_outputs import SequenceClassifierOutput

import geoscope
from geoscope.errors import GeoscopeError
from geoscope.measures import isoscore_star, patchiness_heldout
from geoscope.training import references
from geoscope.training.covariances import StreamedCovariance, sample_examples, undisturbed
from geoscope.training.geometry_callback import GeometryCallback
from geoscope.training.references import learnt_codebooks, reference_covariance
from geoscope.training.regularization import Regularization
from geoscope.training.step_costs import StepCosts
from geoscope.training.trainer import RegularizedTrainer

pytestmark = pytest.mark.usefixtures("one_thread")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"
Folder = Callable[[str], Path]


@pytest.fixture
def make(checkpoint_folder: Folder, texts: tuple[str, ...], tmp_path: Path) -> Callable[..., Any]:
    """A Trainer over the tiny BERT, its 40 sentences labelled by their length; SGD, so that updates add up."""

    def trainer(regularization: Regularization | None = None, *, plain: bool = False, **settings: Any) -> Any:
        folder = checkpoint_folder("bert")
        torch.manual_seed(0)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        examples = [
            {**tokenizer(text, truncation=True, max_length=32), "labels": int(len(text.split()) > 15)}
            for text in settings.pop("texts", texts)
        ]
        given: dict[str, Any] = {
            "num_train_epochs": 1, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "optim": "sgd",
            "lr_scheduler_type": "constant", "max_grad_norm": 0.0, "report_to": "none", "save_strategy": "no",
            "disable_tqdm": True, "logging_steps": 1, "use_cpu": True, "seed": 3,
        }  # fmt: skip
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2, dtype="float32")
        args = TrainingArguments(str(tmp_path / "out"), **(given | settings))
        held_out = examples[:8] if "eval_strategy" in settings else None
        shared = {
            "eval_dataset": held_out,
            "model": model,
            "args": args,
            "train_dataset": examples,
            "processing_class": tokenizer,
        }
        return Trainer(**shared) if plain else RegularizedTrainer(**shared, regularization=regularization)

    return trainer


def weights_of(trainer: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def trained(trainer: Any) -> dict[str, torch.Tensor]:
    trainer.train()
    return weights_of(trainer)


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def losses(trainer: Any, key: str = "loss") -> list[float]:
    return [entry[key] for entry in trainer.state.log_history if key in entry]


@pytest.mark.parametrize("kind", ["istar", "cosreg", "entropy"])
def test_weight_0_is_the_plain_trainer(make, kind):
    assert same(trained(make(Regularization(kind, weight=0.0))), trained(make(plain=True)))


@pytest.mark.parametrize(
    "regularization",
    [
        Regularization("istar", weight=1.0, shrinkage=0.2),
        Regularization("istar", weight=1.0, shrinkage=0.0, points_from="published"),
        Regularization("cosreg", weight=1.0),
        Regularization("entropy", weight=1.0, selection="all"),
        Regularization("entropy", weight=1.0, points_from="last", noise_weight=0.1),
        Regularization("patchiness", weight=1.0, codebooks=2, bits=3, codebook_steps=2),
    ],
)
def test_every_regularizer_trains_and_is_logged(make, regularization):
    trainer = make(regularization)
    assert not same(trained(trainer), trained(make()))
    assert all(np.isfinite(losses(trainer)))
    told = "penalty_without_gradient" if regularization.kind == "patchiness" else "penalty"
    assert len(losses(trainer, told)) == len(losses(trainer))


def test_a_patchiness_is_told_of_fresh_codebooks_alone(make, monkeypatch):
    """Learnt at the start, after every third step and after every epoch: once where these fall together."""
    from geoscope.training import trainer as home

    draws = []
    learn = home.learnt_codebooks
    monkeypatch.setattr(home, "learnt_codebooks", lambda *given: (draws.append(given[2]), learn(*given))[1])
    regularization = Regularization("patchiness", quantizer="kmeans", bits=3, codebook_steps=3, codebook_points=400)
    trainer = make(regularization, num_train_epochs=2, logging_strategy="epoch")
    trainer.train()
    assert draws == [0, 3, 5, 6, 9, 10]
    assert losses(trainer, "penalty") == []
    found = learnt_codebooks(trainer, regularization, 10)
    assert losses(trainer, "penalty_patchiness")[-1] == found.held_out
    rows = torch.cat([points for points, _ in references._training_points(trainer, regularization, 400, 10)])
    owners = np.concatenate([each for _, each in references._training_points(trainer, regularization, 400, 10)])
    assert len(set(owners.tolist())) < len(rows) / 3
    wanted = patchiness_heldout(rows.numpy(), groups=owners, quantizer="kmeans", bits=3, seed=10)
    assert found.held_out == pytest.approx(wanted, rel=1e-12)


def test_gradients_and_times_are_told_and_change_nothing(make, monkeypatch):
    """The lengths are those of separate backward passes; the same weights come of a training that nobody looks at."""
    regularization = Regularization("cosreg", weight=-3.0)
    trainer = make(regularization, logging_strategy="epoch")
    weights = trained(trainer)
    monkeypatch.setattr("geoscope.training.step_costs.EVERY", 1000)
    assert same(trained(make(regularization)), weights)
    monkeypatch.setattr("geoscope.training.step_costs.StepCosts.due", lambda costs: False)
    unseen = make(regularization, logging_strategy="epoch")
    assert same(trained(unseen), weights)
    assert losses(unseen, "penalty_gradient") == []
    (with_penalty,), (without,) = (losses(trainer, f"step_milliseconds{which}") for which in ("", "_without"))
    assert with_penalty > 0
    assert without > 0

    model, costs = trainer.model, StepCosts()
    batch = trainer.data_collator([dict(example) for example in trainer.train_dataset[:8]])
    outputs = model(**batch, output_hidden_states=True)
    points = regularization.points_of(outputs, batch["attention_mask"])
    penalty = regularization.weight * regularization.penalty(points)
    costs.look(model, outputs.loss, penalty, 0.0, 0.0)
    found = costs.taken()
    for name, loss in (("task_gradient", outputs.loss), ("penalty_gradient", penalty)):
        model.zero_grad()
        loss.backward(retain_graph=True)
        squares = [float(each.grad.double().square().sum()) for each in model.parameters() if each.grad is not None]
        assert found[name] == pytest.approx(sum(squares) ** 0.5, rel=1e-6)
    assert costs.taken() == {}


def test_the_sign_of_istar_moves_isotropy_its_way(make):
    settings = {"learning_rate": 0.05, "num_train_epochs": 4}

    def penalty(weight: float) -> float:
        trainer = make(Regularization("istar", weight=weight, shrinkage=0.0), **settings)
        trainer.train()
        return float(np.mean(losses(trainer, "penalty")[-3:]))

    assert penalty(5.0) < penalty(-5.0) - 0.02


def test_an_evaluation_has_the_tasks_loss_alone(make):
    trainer, plain = make(Regularization("istar", weight=5.0)), make(plain=True)
    examples = trainer.train_dataset
    assert trainer.evaluate(examples)["eval_loss"] == plain.evaluate(examples)["eval_loss"]


def test_padding_is_no_point_but_in_published(make):
    trainer = make()
    one, other = trainer.train_dataset[0], trainer.train_dataset[1]
    short, long = sorted((one, other), key=lambda example: len(example["input_ids"]))
    model = trainer.model.eval()

    def points(points_from: str, *examples: Any) -> torch.Tensor:
        batch = trainer.data_collator([dict(example) for example in examples])
        with torch.no_grad():
            outputs = model(**batch, output_hidden_states=True)
        return Regularization("istar", points_from=points_from).points_of(outputs, batch["attention_mask"])

    alone, beside = points("tokens", short), points("tokens", short, long)
    lengths = len(short["input_ids"]), len(long["input_ids"])
    layers = trainer.model.config.num_hidden_layers
    assert len(alone) == layers * lengths[0]
    assert len(beside) == layers * sum(lengths)
    torch.testing.assert_close(beside[: lengths[0]], alone[: lengths[0]])  # one layer of the shorter comes first
    assert len(points("published", short, long)) == 2 * layers * max(lengths)
    assert len(points("last", short, long)) == sum(lengths)
    assert len(points("first", short, long)) == 2


def test_the_first_token_is_the_first_real_one():
    states = torch.arange(24.0).reshape(2, 4, 3)
    outputs = SequenceClassifierOutput(hidden_states=(torch.zeros(2, 4, 3), states))
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 0]])
    found = Regularization("entropy").points_of(outputs, mask)
    assert found.tolist() == [states[0, 2].tolist(), states[1, 0].tolist()]


def test_a_step_of_several_batches_counts_the_penalty_once(make):
    """Both micro-batches are the same sentences, so their mean penalty is that of one; SGD's updates add up."""
    texts = [f"w{i:02d} w{i + 1:02d} w{2 * i:02d} w05" for i in range(8)]
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}

    def pull(texts: list[str], accumulated: int) -> dict[str, torch.Tensor]:
        ends = []
        for weight in (0.0, 100.0):
            trainer = make(
                Regularization("cosreg", weight=weight), texts=texts, gradient_accumulation_steps=accumulated,
                train_sampling_strategy="sequential", learning_rate=0.1,
            )  # fmt: skip
            for module in trainer.model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
            trainer.model.config.update(off)
            trainer.model.set_attn_implementation("eager")
            ends.append(trained(trainer))
        return {name: ends[1][name] - ends[0][name] for name in ends[0] if ends[0][name].is_floating_point()}

    once, twice = pull(texts, 1), pull(texts * 2, 2)
    assert max(float(change.abs().max()) for change in once.values()) > 1e-3
    for name in once:
        torch.testing.assert_close(twice[name], once[name], rtol=1e-3, atol=2e-6)


def test_the_reference_is_the_covariance_of_the_training_states(make):
    trainer = make(Regularization("istar", weight=1.0, shrinkage=0.2))
    trainer.model.train()
    before = torch.random.get_rng_state()
    found = reference_covariance(trainer, trainer.regularization)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert trainer.model.training
    trainer.model.eval()
    rows = []
    with torch.no_grad():
        for example in trainer.train_dataset:
            inputs = {name: torch.tensor([example[name]]) for name in ("input_ids", "attention_mask")}
            states = trainer.model(**inputs, output_hidden_states=True).hidden_states
            rows += [state[0].double() for state in states[1:]]
    np.testing.assert_allclose(found, np.cov(torch.cat(rows).numpy().T), rtol=1e-4, atol=1e-6)


def test_the_reference_takes_as_many_points_as_asked_for(make, monkeypatch):
    trainer = make(Regularization("istar", reference_points=120))
    counts = []
    covariance = StreamedCovariance.covariance
    monkeypatch.setattr(StreamedCovariance, "covariance", lambda sums: (counts.append(sums.count), covariance(sums))[1])
    reference_covariance(trainer, trainer.regularization)
    longest = max(len(example["input_ids"]) for example in trainer.train_dataset)
    assert 120 <= counts[0] < 120 + 3 * longest


def test_the_reference_is_taken_anew_every_epoch(make, monkeypatch):
    taken = []
    monkeypatch.setattr(
        "geoscope.training.trainer.reference_covariance",
        lambda trainer, regularization, epoch: taken.append(epoch) or torch.eye(32, dtype=torch.float64),
    )
    make(Regularization("istar", shrinkage=0.5), num_train_epochs=3).train()
    assert taken == [0, 1, 2]
    make(Regularization("istar", shrinkage=0.0)).train()
    make(Regularization("cosreg")).train()
    assert taken == [0, 1, 2]


def test_the_drawn_examples_depend_on_the_seed_alone():
    data = [{"input_ids": [0] * (1 + i % 5)} for i in range(200)]
    size = lambda example: len(example["input_ids"])  # noqa: E731
    chosen = sample_examples(data, 50, (0, 1), size)
    assert chosen == sample_examples(data, 50, (0, 1), size) != sample_examples(data, 50, (0, 2), size)
    assert len(set(chosen)) == len(chosen)
    assert 50 <= sum(len(data[place]["input_ids"]) for place in chosen) < 55
    assert sorted(sample_examples(data, 10**6, (0,), size)) == list(range(200))


def test_a_streamed_covariance_is_the_whole_ones():
    rows = np.random.default_rng(0).standard_normal((500, 7)) + 1000.0
    sums = StreamedCovariance()
    for block in np.array_split(rows, 13):
        sums.add(torch.from_numpy(block))
    np.testing.assert_allclose(sums.covariance(), np.cov(rows.T), rtol=1e-10, atol=1e-12)
    with pytest.raises(GeoscopeError, match="at least two points"):
        StreamedCovariance().covariance()


def test_what_was_disturbed_is_put_back():
    model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(2, 2)).train()
    model.device = torch.device("cpu")
    model[1].eval()
    state = torch.random.get_rng_state()
    with undisturbed(model, 1):
        torch.rand(3)
        assert not model.training
        assert not torch.is_grad_enabled()
    assert (model.training, model[0].training, model[1].training) == (True, True, False)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.is_grad_enabled()


def test_the_callback_says_what_measure_says(make, texts, tmp_path):
    trainer = make(num_train_epochs=1)
    measures = ["isoscore_star", "average_cosine_similarity", "two_nn"]
    callback = GeometryCallback(trainer, texts, measures, points=10_000, max_length=32)
    trainer.add_callback(callback)
    trainer.train()
    trainer.model.save_pretrained(tmp_path / "trained")
    trainer.processing_class.save_pretrained(tmp_path / "trained")
    corpus = tmp_path / "texts.txt"
    corpus.write_text("\n".join(texts))
    last = {(row["cloud"], row["measure"]): row for row in callback.history[-1]["geometry"]}
    for layers in ("last", "union"):
        report = geoscope.measure(
            str(tmp_path / "trained"), corpora=[str(corpus)], max_length=32, layers=layers, measures=measures,
            sequences=len(texts), errors=False, null="none", device="cpu",
        )  # fmt: skip
        for row in report.measurements:
            found = last[layers, row.measure]
            assert found["n"] == row.n
            assert found["value"] == pytest.approx(row.value, rel=1e-4), row.measure


def test_the_callback_measures_before_and_after_every_epoch_and_changes_nothing(make, texts):
    trainer = make(Regularization("cosreg"), num_train_epochs=2)
    callback = GeometryCallback(trainer, list(zip(texts, texts, strict=True))[:6], ["two_nn"], clouds=("first", "last"))
    trainer.add_callback(callback)
    assert same(trained(trainer), trained(make(Regularization("cosreg"), num_train_epochs=2)))
    assert [entry["epoch"] for entry in callback.history] == [0, 1, 2]
    assert len(losses(trainer, "geometry/last/two_nn")) == 3
    assert losses(trainer, "geometry/first/two_nn")[0] != losses(trainer, "geometry/first/two_nn")[2]


def test_the_callback_measures_once_at_an_evaluation(make, texts):
    trainer = make(num_train_epochs=2, eval_strategy="epoch")
    callback = GeometryCallback(trainer, texts[:8], ["anisotropy"])
    trainer.add_callback(callback)
    trainer.train()
    trainer.evaluate()
    assert [entry["epoch"] for entry in callback.history] == [0, 1, 2]


class _Shrinking(TrainerCallback):
    """From the second epoch on, the last layer's states are one point but for a thousandth."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if round(state.epoch or 0) == 1:
            norm = [each for each in self.trainer.model.modules() if isinstance(each, torch.nn.LayerNorm)][-1]
            norm.weight.data.mul_(1e-3)
            norm.bias.data.fill_(1.0)


def test_training_stops_on_collapse(make, texts):
    trainer = make(num_train_epochs=5)
    callback = GeometryCallback(trainer, texts, ["anisotropy"], clouds=("union",), stop_on="collapse")
    trainer.add_callback(_Shrinking(trainer))
    trainer.add_callback(callback)
    with pytest.warns(UserWarning, match=r"training stops at step 10, as the last layer collapsed: offset_energy is"):
        trainer.train()
    assert [entry["epoch"] for entry in callback.history] == [0, 1, 2]
    assert "healthy offset_energy<=0.995" in callback.stopped


def test_training_goes_on_without_collapse(make, texts):
    trainer = make(num_train_epochs=3)
    callback = GeometryCallback(trainer, texts, ["anisotropy"], stop_on="collapse")
    trainer.add_callback(callback)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        trainer.train()
    assert (callback.stopped, len(callback.history)) == ("", 4)
    with pytest.raises(GeoscopeError, match="expected stop_on to be 'collapse' or None, got 'patience'"):
        GeometryCallback(trainer, texts, stop_on="patience")


def test_a_measure_without_a_value_is_not_logged(make):
    trainer = make(max_steps=1)
    callback = GeometryCallback(trainer, ["w01", "w01"], ["two_nn"], clouds=("first",))
    trainer.add_callback(callback)
    trainer.train()
    row = callback.history[0]["geometry"][0]
    assert row["value"] is None
    assert row["reason"]
    assert not losses(trainer, "geometry/first/two_nn")


def test_tensorboard_gets_the_scalars(make, texts, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "events"))
    trainer = make(Regularization("istar", weight=1.0), num_train_epochs=2, report_to="tensorboard")
    callback = GeometryCallback(trainer, texts[:10], ["isoscore_star"])
    trainer.add_callback(callback)
    trainer.train()
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    for cloud in ("union", "last"):
        logged = events.Scalars(f"train/geometry/{cloud}/isoscore_star")
        kept = [row["value"] for entry in callback.history for row in entry["geometry"] if row["cloud"] == cloud]
        np.testing.assert_allclose([event.value for event in logged], kept, rtol=1e-6)
    assert events.Scalars("train/penalty")


def test_isotropy_is_that_of_the_penalized_points(make):
    regularization = Regularization("istar", shrinkage=0.0)
    trainer = make(regularization)
    batch = trainer.data_collator([dict(example) for example in trainer.train_dataset[:8]])
    with torch.no_grad():
        outputs = trainer.model(**batch, output_hidden_states=True)
    points = regularization.points_of(outputs, batch["attention_mask"])
    assert float(regularization.penalty(points)) == pytest.approx(1 - isoscore_star(points.numpy()), abs=1e-6)


def test_a_number_is_no_class(make):
    regularization = Regularization("entropy", selection="all")
    points = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    whole = regularization.penalty(points)
    assert torch.equal(regularization.penalty(points, torch.linspace(0, 1, 8)), whole)
    assert not torch.equal(regularization.penalty(points, torch.arange(8) % 2), whole)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "istra"}, "regularizer"),
        ({"kind": "entropy", "selection": "some"}, "selection"),
        ({"kind": "istar", "points_from": "cls"}, "points_from"),
        ({"kind": "istar", "shrinkage": 1.5}, "shrinkage"),
    ],
)
def test_a_mistake_is_a_sentence(given, said):
    with pytest.raises(GeoscopeError, match=said):
        Regularization(**given)


def test_an_unknown_cloud_or_no_tokenizer_is_refused(make, texts):
    trainer = make()
    with pytest.raises(GeoscopeError, match="clouds of union, last, first, layers"):
        GeometryCallback(trainer, texts, clouds=("middle",))
    trainer.processing_class = None
    with pytest.raises(GeoscopeError, match="processing_class"):
        GeometryCallback(trainer, texts)


def test_the_script_of_the_docs_runs(checkpoint_folder, texts, tmp_path, monkeypatch):
    """As it stands, but for the checkpoint, which is tiny, and the device."""
    code = re.search(r"```python\n(import csv\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    assert 'checkpoint = "' in code
    code = re.sub(r'checkpoint = "[^"]*"', f"checkpoint = {str(checkpoint_folder('bert'))!r}", code)
    assert len([line for line in code.splitlines() if line.strip()]) <= 22
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("transformers.TrainingArguments", lambda *a, **k: TrainingArguments(*a, use_cpu=True, **k))
    with open("train.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, i % 2] for i, text in enumerate(texts[:30] * 4))
    names: dict[str, Any] = {}
    exec(compile(code, "training.md", "exec"), names)
    history = names["trainer"].state.log_history
    assert any("geometry/union/isoscore_star" in entry for entry in history)
    assert any("penalty" in entry for entry in history)

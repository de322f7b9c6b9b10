"""One run: a model fine-tuned under one regularizer from one seed, kept in a folder and resumed from there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geoscope.errors import GeoscopeError
from geoscope.files import json_content, write_json
from geoscope.finetuning.preparation.labelled_texts import PREDICTED_CLASSES
from geoscope.finetuning.recipes import Hyperparameters
from geoscope.settings.fine_tuning import FineTuningOptions
from geoscope.settings.measuring import Quantizer
from geoscope.settings.option import default_of
from geoscope.training.arms import TRAINING, Arm
from geoscope.training.geometry import CLOUDS, EACH, MeasuredGeometry
from geoscope.training.penalties import LOGGED, TIMED

if TYPE_CHECKING:
    from geoscope.finetuning.prepared_tasks import Lesson

STATES = "training"
"""The subfolder that Trainer resumes from; gone once the run is done."""

TIMES = "times.json"
"""What steps took, epoch by epoch. Of the machine, and so in no other file: the others are the same from every run."""


@dataclass(frozen=True)
class Run:
    """A run to be made or read: its folder says how far it is."""

    folder: Path
    arm: Arm
    seed: int

    @classmethod
    def at(cls, folder: Path) -> Run:
        """The run that was made in a folder."""
        with _unharmed(folder / "settings.json"):
            settings = json_content((folder / "settings.json").read_bytes())
            shared = set(TRAINING) - set(settings.get("swept", []))
            names = [field.name for field in fields(Arm) if field.name not in shared]
            arm = Arm(**{name: settings[name] for name in names if name in settings})
            return cls(folder, arm, int(settings["seed"]))

    @property
    def finished(self) -> bool:
        """Whether all of it is there; scores.json is written last."""
        return (self.folder / "scores.json").is_file()

    def read(self, name: str) -> Any:
        """The content of one of its JSON files."""
        with _unharmed(self.folder / name):
            return json_content((self.folder / name).read_bytes())

    def step_times(self) -> str:
        """What a step took with its penalty and without, in words; "" where it was not looked at."""
        told = self.read(TIMES) if (self.folder / TIMES).is_file() else []
        if not told:
            return ""
        taken, without = (sum(entry[name] for entry in told) / len(told) for name in TIMED)
        return f"forward and backward of a step took {taken:.0f} ms, without the penalty {without:.0f} ms"


@contextmanager
def _unharmed(path: Path) -> Iterator[None]:
    """What is read of a run's file; GeoscopeError where somebody has changed it."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise GeoscopeError(
            f"expected in {path} what geoscope finetune wrote there, got something else ({error!r}); remove its folder "
            "and run again"
        ) from error


@dataclass(frozen=True)
class Tracking:
    """Which geometry a run measures: keys, on how many evaluation examples and sampled points, by which quantizer."""

    measures: tuple[str, ...]
    examples: int
    points: int
    quantizer: str = default_of(Quantizer, "quantizer")
    track: str = default_of(FineTuningOptions, "track")

    @property
    def settings(self) -> dict[str, Any]:
        """As a run's settings say it: folders from before there was a choice say nothing of quantizer and layers."""
        told = asdict(self) | {"measures": list(self.measures)}
        old = {("quantizer", "lsq"), ("track", "last")}
        return {name: value for name, value in told.items() if name == "measures" or (name, value) not in old}


def train(
    run: Run, lesson: Lesson, hyperparameters: Hyperparameters, tracking: Tracking, on_step: Callable[[int, int], None]
) -> None:
    """Train the run to its end, from its last finished epoch if it has one; then its folder has scores.json.

    on_step: told (steps done, steps in all).
    On a CPU the same settings and thread count give the same weights, also through an interruption.
    """
    from geoscope.subjects.models.checkpoints import load_checkpoint, quiet_transformers

    states = run.folder / STATES
    states.mkdir(parents=True, exist_ok=True)
    settings = {"task": lesson.task.name, **run.arm.settings, "seed": run.seed, **asdict(hyperparameters)}
    settings |= {"swept": list(run.arm.training)} if run.arm.training else {}
    write_json(run.folder / "settings.json", settings)
    with quiet_transformers():
        trainer = _trainer(run, lesson, hyperparameters, on_step, quantizer=tracking.quantizer)
        geometry = _geometry(trainer, lesson, tracking)
        trainer.train(resume_from_checkpoint=last_whole_state(states))
        for part in (trainer.model, lesson.tokenizer):  # not Trainer's save_model, which adds a pickle
            part.save_pretrained(str(run.folder / "checkpoint"))
        trained = load_checkpoint(
            str(run.folder / "checkpoint"), device="cpu", trust_remote_code=lesson.trust_remote_code
        )
    write_json(run.folder / "geometry.json", _in_order(geometry.history))
    if times := _logged(trainer, TIMED):
        write_json(run.folder / TIMES, times)
    kept: dict[str, Any] = {"epochs": _scores(trainer, lesson), "penalties": _logged(trainer, LOGGED)}
    if predicted := _logged(trainer, [f"eval_{PREDICTED_CLASSES}"]):
        kept[PREDICTED_CLASSES] = [int(entry[f"eval_{PREDICTED_CLASSES}"]) for entry in predicted]
    write_json(run.folder / "scores.json", {"fingerprint": trained.fingerprint, **kept})


def train_for_scores(
    run: Run, lesson: Lesson, hyperparameters: Hyperparameters, weights: Path, on_step: Callable[[int, int], None]
) -> dict[str, float | None]:
    """The scores, and the loss, that `train` would end with from a folder's weights; nothing else is kept.

    A score without a value is None; the loss is whatever came, NaN too.
    """
    from geoscope.subjects.models.checkpoints import quiet_transformers

    with quiet_transformers():
        trainer = _trainer(run, lesson, hyperparameters, on_step, weights, save_strategy="no")
        trainer.train()
    last = _scores(trainer, lesson)[-1]
    return {name: last[name] for name in lesson.scores}


def _scores(trainer: Any, lesson: Lesson) -> list[dict[str, Any]]:
    """The epoch of every evaluation so far, and its scores by name."""
    return [
        {"epoch": entry["epoch"], **{name: entry.get(f"eval_{name}") for name in lesson.scores}}
        for entry in trainer.state.log_history
        if "eval_loss" in entry
    ]


def _logged(trainer: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """What there is under some names in the logs of every epoch so far."""
    return [
        {"epoch": entry["epoch"], **{name: entry[name] for name in names if name in entry}}
        for entry in trainer.state.log_history
        if not entry.keys().isdisjoint(names)
    ]


def remove_states(run: Run) -> None:
    """Free the room of what a finished run could have been resumed from; whatever else is there stays."""
    states = run.folder / STATES
    for path in states.glob("checkpoint-*"):
        if path.name.removeprefix("checkpoint-").isdecimal():
            shutil.rmtree(path)
    with suppress(OSError):  # not there, or with a user's file in it
        states.rmdir()


def _trainer(
    run: Run,
    lesson: Lesson,
    hyperparameters: Hyperparameters,
    on_step: Callable[[int, int], None],
    weights: Path | None = None,
    save_strategy: str = "epoch",
    quantizer: str = default_of(Quantizer, "quantizer"),
) -> Any:
    """The Trainer of a run, from the checkpoint's weights or a folder's. quantizer: of patchiness's codebooks."""
    from torch.utils.data import SequentialSampler
    from transformers import PrinterCallback, set_seed

    from geoscope.training import RegularizedTrainer

    set_seed(run.seed)  # a head that the checkpoint lacks is random
    trainer = RegularizedTrainer(
        model=lesson.model(None if weights is None else str(weights)),
        args=_arguments(run, hyperparameters, lesson, save_strategy),
        train_dataset=lesson.train,
        eval_dataset=lesson.evaluation,
        data_collator=lesson.prepared.collator,
        processing_class=lesson.tokenizer,
        compute_metrics=lesson.prepared.compute_metrics,
        regularization=_regularization(run, quantizer),
        callbacks=[_stepping(on_step)],
    )
    trainer.remove_callback(PrinterCallback)  # it prints to standard output
    if lesson.prepared.in_order:  # batches of alike length would be in any order
        trainer._get_eval_sampler = SequentialSampler
    return trainer


def _geometry(trainer: Any, lesson: Lesson, tracking: Tracking) -> Any:
    """The callback, by now the Trainer's, that measures the geometry of a run."""
    from geoscope.training import GeometryCallback

    geometry = GeometryCallback(
        trainer, lesson.tracked(tracking.examples), tracking.measures,
        clouds=(*CLOUDS, EACH) if tracking.track == "all" else CLOUDS, points=tracking.points,
        quantizer=tracking.quantizer,
    )  # fmt: skip
    trainer.add_callback(geometry)
    return geometry


def _arguments(run: Run, chosen: Hyperparameters, lesson: Lesson, save_strategy: str) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(run.folder / STATES),
        num_train_epochs=chosen.epochs,
        per_device_train_batch_size=chosen.batch_size,
        per_device_eval_batch_size=2 * chosen.batch_size,
        learning_rate=chosen.learning_rate,
        weight_decay=chosen.weight_decay,
        lr_scheduler_type=chosen.schedule,
        warmup_steps=chosen.warmup,
        max_grad_norm=chosen.clip,
        train_sampling_strategy="group_by_length" if chosen.grouped else "random",
        seed=run.seed,
        data_seed=run.seed,
        label_names=list(lesson.prepared.label_names),
        use_cpu=lesson.device == "cpu",
        eval_strategy="epoch",
        save_strategy=save_strategy,
        logging_strategy="epoch",
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        dataloader_pin_memory=False,
    )


def _regularization(run: Run, quantizer: str) -> Any:
    from geoscope.training import Regularization

    settings = {name: value for name, value in run.arm.penalty.settings.items() if name != "regularizer"}
    return Regularization(run.arm.regularizer, seed=run.seed, quantizer=quantizer, **settings)


def _stepping(on_step: Callable[[int, int], None]) -> Any:
    from transformers import TrainerCallback

    class Stepping(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            on_step(state.global_step, state.max_steps)

    return Stepping()


def _in_order(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The geometry measured so far, its keys in one order: Trainer's state brings them back in another."""
    keys = [field.name for field in fields(MeasuredGeometry)]
    return [
        {
            "epoch": entry["epoch"],
            "step": entry["step"],
            "geometry": [{key: row[key] for key in keys} for row in entry["geometry"]],
        }
        for entry in history
    ]


def last_whole_state(folder: Path) -> str | None:
    """The newest state that was written to its end: trainer_state.json is what Trainer writes last."""
    found: dict[int, Path] = {}
    for path in folder.glob("checkpoint-*/trainer_state.json"):
        try:
            found[int(json_content(path.read_bytes())["global_step"])] = path.parent
        except (OSError, ValueError, TypeError, KeyError):  # cut off
            continue
    return str(found[max(found)]) if found else None

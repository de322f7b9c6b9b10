"""Sweeps: every arm from every seed, one run after another in one folder, resumed where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any, Unpack

from geoscope import __version__
from geoscope.batches.finished_work import FinishedReports
from geoscope.catalogue import select
from geoscope.environment import describe_environment
from geoscope.errors import GeoscopeError, telling_what_is_kept
from geoscope.files import path_from_home
from geoscope.finetuning.outcome import FineTuning
from geoscope.finetuning.prepared_tasks import Lesson
from geoscope.finetuning.recipes import DEFAULT, RECIPES, Hyperparameters
from geoscope.finetuning.remaining_time import Outlook
from geoscope.finetuning.results import collect
from geoscope.finetuning.run_reports import run_report
from geoscope.finetuning.runs import Run, Tracking, remove_states, train
from geoscope.requirements import require
from geoscope.run_folders import ClaimedFolder, difference, only_writer
from geoscope.settings.fine_tuning import Alike, FineTuningKeywords, Hyper
from geoscope.settings.loading import Origin
from geoscope.settings.option import LARGEST, completed, fields_of, part, takes
from geoscope.subjects.kinds import Kind, expect
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.tasks import tasks
from geoscope.torch_state import torch_device
from geoscope.training.arms import grid

GEOMETRY_EXAMPLES, GEOMETRY_POINTS = 300, 1000
"""Evaluation examples that geometry is measured on, and the rows of them that the measures of pairs see."""


@takes(FineTuningKeywords)
def finetune(checkpoint: str, *, task: str, output: str | Path, **given: Unpack[FineTuningKeywords]) -> FineTuning:
    """Fine-tune a checkpoint on a task under each regularizer and its settings from each seed, in one folder.

    Epochs, batch sizes and learning rates may be several too: each regularizer is then run under each combination.
    Runs that the folder has are not made again, and one that was interrupted goes on from its last finished epoch.

    Parameters
    ----------
    checkpoint : str
        Its name or folder.
    task : str
        The name of one (``cola`` and the other eight of GLUE, ``sst5``, ``squad``; ``NAME=DIR`` from a folder of its
        files), a labelled file, ``mlm:CORPUS`` or ``clm:CORPUS``.
    output : str or path
        Folder of the runs.

    Returns
    -------
    FineTuning
        Scores and geometry of every finished run in the folder, by arm.

    Raises
    ------
    GeoscopeError
        For a mistake in what was asked, and where the folder holds runs of other settings.
    """
    if find_spec("accelerate") is None:
        raise GeoscopeError("expected accelerate, which fine-tuning needs, got none; pip install 'geoscope[train]'")
    require("accelerate")
    expect(checkpoint, [Kind.TEXT], "a checkpoint to fine-tune", named=True)
    options = completed(FineTuningKeywords, given)
    recipe, seed, announce = options["recipe"], options["seed"], options["announce"]
    chosen = DEFAULT if recipe is None else RECIPES[recipe]
    trained = {name: _values(name, value) for name, value in part(Hyper, given).items() if value is not None}
    swept = {name: values for name, values in trained.items() if len(values) > 1}
    hyperparameters = replace(chosen.hyperparameters, **{name: values[0] for name, values in trained.items()})
    factor = options["selection_factor"]
    arms = grid(
        options["regularizers"] or chosen.regularizers, options["weights"], options["shrinkages"] or chosen.shrinkages,
        selections=_listed(options["selection"] or chosen.selection),
        selection_factors=[1.0] if factor is None else _listed(factor), trainings=swept,
        points_from=options["points_from"] or chosen.points_from, **part(Alike, options),
    )  # fmt: skip
    measured = select(options["measures"])
    tracking = Tracking(measured, GEOMETRY_EXAMPLES, GEOMETRY_POINTS, options["quantizer"], options["track"])
    learnt = tasks.load(task, options["text_columns"] or ()).narrowed(options["train_examples"], seed)
    trust = options["trust_remote_code"]
    loaded = load_checkpoint(checkpoint, device="cpu", **part(Origin, options))
    if "max_length" not in trained and recipe is None and loaded.max_positions is not None:
        hyperparameters = replace(hyperparameters, max_length=min(hyperparameters.max_length, loaded.max_positions))
    lesson = Lesson(learnt, loaded, hyperparameters.max_length, torch_device(options["device"]), trust)
    lesson.check()
    for arm in arms:
        hyperparameters.of(arm).check(len(lesson.train))
    shared = _shared(lesson, hyperparameters, list(swept), tracking, recipe)
    folder = path_from_home(output)
    wanted = range(seed, seed + (options["seeds"] or chosen.seeds))
    runs = [Run(folder / arm.name / f"seed{number}", arm, number) for number in wanted for arm in arms]
    environment = describe_environment(device=lesson.device)
    saved = f"finished runs and epochs are kept in {folder}"
    with only_writer(folder, "--output"):
        _claim(folder, shared)
        _refuse_other_arms(runs)
        if announce is not None and recipe is not None:
            unknown = f"; not known: {chosen.unknown}" if chosen.unknown else ""
            announce(f"{recipe} is as in {chosen.paper}{unknown}")
        missing = [run for run in runs if not run.finished]
        outlook = Outlook(missing, len(runs), lesson, hyperparameters, options["progress"], announce)
        for run in runs:
            if not run.finished:
                with telling_what_is_kept(saved), outlook.during(run) as on_step:
                    train(run, lesson, hyperparameters.of(run.arm), tracking, on_step)
                if announce is not None and (took := run.step_times()):
                    announce(f"{run.arm.name} of seed {run.seed}: {took}")
            reports = FinishedReports(run.folder)
            if reports.read("report") is None:  # also where a kill came between the two
                reports.keep("report", run_report(run, lesson, shared, environment))
            remove_states(run)
        return collect(folder, {"geoscope_version": __version__, **shared}, environment)


def _listed(value: Any) -> list[Any]:
    """One value or several as a list."""
    return [value] if isinstance(value, (str, Real)) else list(value)


def _values(name: str, given: Any) -> list[Any]:
    """What of the training was asked for, each value once; raises GeoscopeError for what no training has."""
    field = fields_of(Hyper)[name]
    whole = int in field.parts
    values = list(dict.fromkeys(_listed(given)))
    if not values or not all(_is_right(value, whole=whole) for value in values):
        kind = "whole numbers of at least 1" if whole else "numbers of at least 0"
        raise GeoscopeError(f"expected {field.flag} to be {kind}, got {given!r}; give such numbers")
    return [int(value) if whole else float(value) for value in values]


def _is_right(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
        return False
    number = float(value)
    return 1 <= number <= LARGEST and number.is_integer() if whole else number >= 0


def _shared(
    lesson: Lesson, hyperparameters: Hyperparameters, swept: Sequence[str], tracking: Tracking, recipe: str | None
) -> dict[str, Any]:
    """The settings that all runs of a folder have in common: null in place of what is each arm's own."""
    loaded = lesson.checkpoint
    trusted = {"trust_remote_code": True} if lesson.trust_remote_code else {}
    return {
        "checkpoint": {"name": loaded.name, "fingerprint": loaded.fingerprint, "layers": loaded.layers, **trusted},
        "task": lesson.described(),
        "hyperparameters": asdict(hyperparameters) | dict.fromkeys(swept),
        "tracking": tracking.settings,
        "recipe": recipe,
    }


def _refuse_other_arms(runs: Sequence[Run]) -> None:
    """Settings that a folder's name does not tell must be the same too."""
    for run in runs:
        if (run.folder / "settings.json").is_file():
            told = difference("", run.arm.settings, Run.at(run.folder).arm.settings)
            if told:
                raise GeoscopeError(
                    f"expected the run in {run.folder} to have the settings asked for, got {told}; "
                    "name another --output, or remove that run"
                )


def _claim(folder: Path, shared: dict[str, Any]) -> None:
    """Make the folder this study's, or refuse one that holds something else."""
    claimed = ClaimedFolder(folder, "--output", "runs", "a new folder or one of runs")
    held = claimed.held()
    if held is None:
        claimed.claim(shared)
    else:
        claimed.check(shared, held)

"""The study: one model in every state, measured and scored the same way, as one report; resumable."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Unpack

from geoscope import __version__
from geoscope.batches.finished_work import FinishedReports, key_of, that_count
from geoscope.batches.running import run_tasks
from geoscope.catalogue import QUANTIZED, select
from geoscope.environment import describe_environment
from geoscope.errors import GeoscopeError, NonFinite, telling_what_is_kept
from geoscope.estimates.quantizer_grid import grid_of, refuse_size_beside_grid
from geoscope.files import path_from_home
from geoscope.measuring import measure
from geoscope.progress import Progress
from geoscope.protocols import resolved
from geoscope.report import Measurement, Report, Sample
from geoscope.run_folders import only_writer
from geoscope.settings.loading import Loading
from geoscope.settings.measuring import MAX_LENGTH, Quantizing, ReadingKeywords
from geoscope.settings.option import completed, part, takes, without
from geoscope.settings.studying import StudyKeywords, StudyMeasuring
from geoscope.studies.changes import Change, State
from geoscope.studies.fine_tuned_scores import FineTunings, labelled_tasks
from geoscope.studies.perturbations import ChangedWeights, Perturbation
from geoscope.studies.probes import Probes
from geoscope.studies.saving import check_model, check_place, save_checkpoint
from geoscope.studies.scoring import Scoring
from geoscope.subjects.kinds import Kind, expect
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.subjects.models.placement import refuse_left
from geoscope.subjects.text_subjects import TextSubject, open_text_subject
from geoscope.tasks.text_task_files import load_task
from geoscope.torch_state import drawn_by, torch_device
from geoscope.transforms import steps_of


@takes(StudyKeywords)
def perturb(checkpoint: str, **given: Unpack[StudyKeywords]) -> Report:
    """Measure a checkpoint at each noise level and seed, or changed in another way, as one report.

    Parameters
    ----------
    checkpoint : str
        Its name or folder.

    Returns
    -------
    Report
        Its measurements, and its scores where any were asked for, have the key columns ``noise_level`` (percent) and
        ``noise_seed``, or ``transform_level``.

    Raises
    ------
    GeoscopeError
        For a user's mistake.

    Examples
    --------
    >>> import geoscope
    >>> asked = {"texts": ["The cat sat.", "It rained all day."], "sequences": 2, "measures": "isoscore"}
    >>> report = geoscope.perturb("demo", levels=[0, 50], seeds=1, errors=False, **asked)
    >>> [row.noise_level for row in report.measurements]
    [0.0, 50.0]
    """
    expect(checkpoint, [Kind.TEXT], "a checkpoint whose weights can be changed", named=True)
    refuse_size_beside_grid(given)
    asked = completed(StudyKeywords, given)
    change = Change(asked["kind"], asked["noise_kind"], asked["targets"], asked["noise_draws"])
    _refuse_beside_transform(change, asked)
    states = change.states(asked["levels"], asked["seeds"], asked["seed"])
    options: dict[str, Any] = {**resolved(part(StudyMeasuring, given)), "seed": asked["seed"]}
    if asked["quantizer_grid"] is not None:
        options = without(options, ("codebooks", "bits"))
    setup = StudySetup(
        checkpoint, change, tuple(asked["probes"]), asked["probe_rows"], tuple(asked["finetune"]),
        asked["finetune_epochs"], asked["finetune_examples"], asked["save"], options,
    )  # fmt: skip
    grid_of(**part(Quantizing, options))  # a text that is none is refused before any work
    parts, save = (None if asked[name] is None else path_from_home(asked[name]) for name in ("parts", "save"))
    if save is not None:
        check_place(save)
    with only_writer(parts, "-o", temporary=True), only_writer(save, "--save"):
        study = open_study(setup, asked["progress"])
        for warning in study.text.extraction.warnings:
            warnings.warn(warning, stacklevel=2)
        kept = FinishedReports(parts, key_of(study.fingerprinted))
        return study.run(states, kept, asked["announce"], setup, asked["ray"])


def _refuse_beside_transform(change: Change, asked: StudyKeywords) -> None:
    """What means nothing where the model stays as it is and its rows are transformed."""
    if change.transform is None:
        return
    for flag, given in (
        ("--transform", asked["transform"]),
        ("--finetune", asked["finetune"]),
        ("--save", asked["save"]),
    ):
        if given:
            raise GeoscopeError(
                f"expected no {flag} with --kind {change.kind}, which changes rows and no weights; leave it out"
            )


@dataclass(frozen=True)
class StudySetup:
    """What a study is opened from, in this process or a worker's."""

    checkpoint: str
    change: Change
    probes: tuple[str, ...]
    probe_rows: int
    finetune: tuple[str, ...]
    finetune_epochs: int | None
    finetune_examples: int | None
    save: str | Path | None
    options: dict[str, Any]


def open_study(setup: StudySetup, progress: Progress | None = None) -> Study:
    """The study with its model loaded and its text drawn; raises GeoscopeError for a user's mistake."""
    tasks, learnt = [load_task(spec) for spec in setup.probes], labelled_tasks(setup.finetune)
    options: dict[str, Any] = {**setup.options, "progress": progress}
    asked = completed(StudyMeasuring, options)
    loading = part(Loading, options)
    with drawn_by(asked["seed"]):  # a pooler that the files lack
        loaded = load_checkpoint(setup.checkpoint, stack=asked["stack"], **loading)
    refuse_left(setup.checkpoint, loaded.model, "perturb")
    donor = setup.change.donor
    perturbation = Perturbation.of(setup.change, loaded, None if donor is None else load_checkpoint(donor, **loading))
    folder = None if setup.save is None else path_from_home(setup.save)
    if folder is not None:
        check_model(loaded)
    text = open_text_subject(perturbation.checkpoint, **part(ReadingKeywords, options))
    probing = Probes(
        perturbation.checkpoint, tasks, rows=setup.probe_rows, seed=asked["seed"], layer=text.extraction.layers[-1],
        progress=progress, max_length=text.sample["max_length"] or MAX_LENGTH, batch_tokens=asked["batch_tokens"],
        same_weights=setup.change.transform is not None,
    ) if tasks else None  # fmt: skip
    tuning = FineTunings(
        perturbation.checkpoint, learnt, epochs=setup.finetune_epochs, examples=setup.finetune_examples,
        seed=asked["seed"], device=torch_device(asked["device"]), progress=progress,
        max_length=text.sample["max_length"] or MAX_LENGTH, trust_remote_code=asked["trust_remote_code"],
    ) if learnt else None  # fmt: skip
    return Study(text, perturbation, Scoring(probing, tuning), options, folder)


@lru_cache(maxsize=1)
def _open_once(pickled: bytes) -> Study:
    return open_study(pickle.loads(pickled))


def measure_state(task: tuple[bytes, State]) -> tuple[Report, float]:
    """One state's report and seconds in a worker, which opens the study (a pickled setup) once for all its states."""
    pickled, state = task
    study = _open_once(pickled)
    with ChangedWeights(study.perturbation.checkpoint.model, study.perturbation.names) as weights:
        return study.timed(weights, state)


@dataclass(frozen=True)
class Study:
    """What is the same in every state: the text, the measures, the tasks, and the way the weights are changed."""

    text: TextSubject
    perturbation: Perturbation
    scoring: Scoring
    options: dict[str, Any]
    folder: Path | None

    @property
    def settings(self) -> dict[str, Any]:
        """What the report says beside `measure`'s settings."""
        return {"perturbation": self.perturbation.settings, **self.scoring.settings}

    @property
    def fingerprinted(self) -> dict[str, Any]:
        """Every setting that changes a part's numbers."""
        return {
            "version": __version__,
            "subject": self.text.about,
            "sample": self.text.sample,
            "measuring": that_count(StudyMeasuring, self.options),
            "folder": None if self.folder is None else str(self.folder.resolve()),  # it gets every state
            **self.settings,
        }

    def run(
        self,
        states: Sequence[State],
        kept: FinishedReports,
        announce: Callable[[str], None] | None,
        setup: StudySetup,
        ray: str | None,
    ) -> Report:
        """One report of all states: those kept, and the others as they come."""
        reports: dict[State, Report] = {}

        def add(state: State, report: Report, took: str) -> None:
            reports[state] = report
            if announce is not None:
                announce(f"{len(reports)} of {len(states)}: {state.name}, {took}")

        found = {state: kept.read(state.name) for state in states}
        missing = [state for state in states if found[state] is None]
        ahead = self.scoring.ahead(len(missing))
        if announce is not None and ahead is not None:
            announce(ahead)

        def add_kept(before: int) -> None:
            for state in states[:before]:
                report = found[state]
                if report is not None and state not in reports:
                    add(state, report, "read back")

        pickled = pickle.dumps(setup)
        parts = None if kept.folder is None else f"finished states are kept in {kept.folder}"
        with (
            telling_what_is_kept(parts),
            ChangedWeights(self.perturbation.checkpoint.model, self.perturbation.names) as weights,
        ):
            for place, result in run_tasks(
                measure_state, [(pickled, state) for state in missing], ray=ray,
                here=lambda task: self.timed(weights, task[1]), device=self.options.get("device", "auto"),
                progress=self.options.get("progress"), what="states",
            ):  # fmt: skip
                if isinstance(result, GeoscopeError):
                    raise result
                add_kept(before=states.index(missing[place]))
                kept.keep(missing[place].name, result[0])
                add(missing[place], result[0], f"{result[1]:.1f} s")
        add_kept(before=len(states))
        return self._joined(states, [reports[state] for state in states])

    def timed(self, weights: ChangedWeights, state: State) -> tuple[Report, float]:
        """One state's report and the seconds it took."""
        began = time.perf_counter()
        return self._measured(weights, state), time.perf_counter() - began

    def _measured(self, weights: ChangedWeights, state: State) -> Report:
        """One state's report, its rows with the state's keys."""
        self.perturbation.put(weights, state)
        steps = self.perturbation.change.steps(state) or steps_of(self.options.get("transform"))
        saved = None if self.folder is None else self.folder / state.name
        if saved is not None:
            save_checkpoint(self.perturbation.checkpoint, saved)
        broken = None
        try:
            report = measure(self.text, **self.options | {"transform": [str(step) for step in steps]})
        except NonFinite as reason:
            broken = str(reason)
            report = self._without_values(broken)
        rows = [row.model_copy(update=state.keys) for row in report.measurements]
        found = self.scoring.scores(self.perturbation.checkpoint, saved, broken, steps)
        scores = None if found is None else [score.model_copy(update=state.keys) for score in found]
        return report.model_copy(update={"measurements": rows, "scores": scores})

    def _without_values(self, reason: str) -> Report:
        """The report of a state whose rows are not finite: noise can be too much for a model."""
        union = self.options.get("layers") == "union"
        layers = (None,) if union else self.text.extraction.layers
        grid = [{"codebooks": each.codebooks, "bits": each.bits} for each in grid_of(**part(Quantizing, self.options))]
        return Report(
            subject=self.text.about,
            sample=self.text.sample | {"points": 0},
            settings={},
            measurements=[
                Measurement(layer=layer, measure=key, value=None, n=0, reason=reason, **size)
                for layer in layers
                for key in select(self.options.get("measures"))
                for size in (grid if grid and key in QUANTIZED else [{}])
            ],
            environment=describe_environment(device=self.text.extraction.checkpoint.device),
        )

    def _settings(self, states: Sequence[State], reports: Sequence[Report], first: Report) -> dict[str, Any]:
        """Those of every state; of a study of transforms with what each of them was fitted to."""
        if self.perturbation.change.transform is None:
            return first.settings | self.settings
        fits = [
            {"transform_level": state.amount, **fit}
            for state, report in zip(states, reports, strict=True)
            for fit in report.settings.get("transform_fits", [])
        ]
        alike = without(first.settings, ("transform", "transform_fits"))
        return alike | self.settings | {"perturbation": {**self.perturbation.settings, "fits": fits}}

    def _joined(self, states: Sequence[State], reports: Sequence[Report]) -> Report:
        """One report of all states, in their order."""
        first = next((report for report in reports if report.settings), reports[0])
        dropped = [
            {**one.model_dump(), **state.keys}
            for state, report in zip(states, reports, strict=True)
            for one in report.sample.dropped or []
        ]
        sample = first.sample.model_dump() | {"dropped": dropped or None}
        return first.model_copy(
            update={
                "sample": Sample.model_validate(sample),
                "settings": self._settings(states, reports, first),
                "measurements": [row for report in reports for row in report.measurements],
                "scores": None
                if first.scores is None
                else [score for report in reports for score in report.scores or []],
            }
        )

"""The study: one model in every state, measured and scored the same way, as one report; resumable."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope import __version__
from geoscope.catalogue import select
from geoscope.environment import describe_environment
from geoscope.errors import NonFinite
from geoscope.glue_tasks import load_task
from geoscope.measuring import measure
from geoscope.protocols import resolved
from geoscope.report import Measurement, Report, Sample, Score
from geoscope.rows import Progress
from geoscope.studies.parts import Parts
from geoscope.studies.perturbations import ChangedWeights, Perturbation
from geoscope.studies.probes import Probes
from geoscope.studies.saving import check_folder, save_checkpoint
from geoscope.studies.states import Change, State
from geoscope.subjects.checkpoints import load_checkpoint
from geoscope.subjects.text_subjects import TextSubject, open_text_subject

_LOADING = ("revision", "device", "dtype", "trust_remote_code", "allow_pickle")
_READING = (
    "corpora",
    "split",
    "words",
    "sequences",
    "max_length",
    "layers",
    "pooling",
    "tokens",
    "seed",
    "batch_tokens",
)
_OF_THE_RUN = ("device", "batch_tokens", "memory")  # they change nothing beyond rounding


def perturb(
    checkpoint: str,
    *,
    levels: str | Sequence[float] | None = None,
    seeds: int = 3,
    kind: str = "noise",
    noise_kind: str = "absolute",
    targets: str | None = None,
    probes: Sequence[str] = (),
    probe_rows: int = 4000,
    save: str | Path | None = None,
    parts: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
    **options: Any,
) -> Report:
    """Measure a checkpoint at each noise level (percent) and seed, or changed in another way, as one report.

    Its measurements and, of `probes` (tasks as `load_task` takes them), its scores have the key columns `noise_level`
    and `noise_seed`. options: those of `measure`. save: a folder for the checkpoint of every state. parts: a folder
    that keeps what is finished, so that the same call goes on where one was killed. Raises GeoscopeError for a user's
    mistake.
    """
    change = Change(kind, noise_kind, targets)
    states = change.states(levels, seeds, seed)
    tasks = [load_task(spec) for spec in probes]
    options = {**resolved(options), "seed": seed, "progress": progress}
    loading = _only(options, _LOADING)
    loaded = load_checkpoint(checkpoint, **loading)
    perturbation = Perturbation.of(
        change, loaded, None if change.donor is None else load_checkpoint(change.donor, **loading)
    )
    folder = None if save is None else check_folder(Path(save).expanduser(), loaded)
    text = open_text_subject(perturbation.checkpoint, progress=progress, **_only(options, _READING))
    for warning in text.extraction.warnings:
        warnings.warn(warning, stacklevel=2)
    probing = Probes(
        perturbation.checkpoint, tasks, rows=probe_rows, seed=seed, layer=text.extraction.layers[-1],
        progress=progress, **_only(options, ("max_length", "batch_tokens")),
    ) if tasks else None  # fmt: skip
    study = _Study(text, perturbation, probing, options, folder)
    kept = Parts(None if parts is None else Path(parts), study.fingerprinted)
    return study.run(states, kept, announce)


def _only(options: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


@dataclass(frozen=True)
class _Study:
    """What is the same in every state: the text, the measures, the probes, and the way the weights are changed."""

    text: TextSubject
    perturbation: Perturbation
    probes: Probes | None
    options: dict[str, Any]
    folder: Path | None

    @property
    def settings(self) -> dict[str, Any]:
        """What the report says beside `measure`'s settings."""
        probes = {} if self.probes is None else {"probes": self.probes.settings}
        return {"perturbation": self.perturbation.settings, **probes}

    @property
    def fingerprinted(self) -> dict[str, Any]:
        """Every setting that changes a part's numbers."""
        measuring = {name: value for name, value in self.options.items() if name not in (*_OF_THE_RUN, "progress")}
        return {
            "version": __version__,
            "subject": self.text.about,
            "sample": self.text.sample,
            "measuring": measuring,
            "folder": None if self.folder is None else str(self.folder.resolve()),  # it gets every state
            **self.settings,
        }

    def run(self, states: Sequence[State], kept: Parts, announce: Callable[[str], None] | None) -> Report:
        reports: list[Report] = []
        with ChangedWeights(self.perturbation.checkpoint.model, self.perturbation.names) as weights:
            for state in states:
                began = time.perf_counter()
                report = kept.read(state)
                took = "read back"
                if report is None:
                    report = self._measured(weights, state)
                    kept.keep(state, report)
                    took = f"{time.perf_counter() - began:.1f} s"
                reports.append(report)
                if announce is not None:
                    announce(f"{len(reports)} of {len(states)}: {state.name}, {took}")
        return self._joined(states, reports)

    def _measured(self, weights: ChangedWeights, state: State) -> Report:
        """One state's report, its rows with the state's keys."""
        self.perturbation.put(weights, state)
        if self.folder is not None:
            save_checkpoint(self.perturbation.checkpoint, self.folder / state.name)
        try:
            report = measure(self.text, **self.options)
        except NonFinite as reason:
            report = self._without_values(str(reason))
        rows = [row.model_copy(update=state.keys) for row in report.measurements]
        scores = (
            None
            if self.probes is None
            else [score.model_copy(update=state.keys) for score in self._scores(self.probes)]
        )
        return report.model_copy(update={"measurements": rows, "scores": scores})

    def _scores(self, probes: Probes) -> list[Score]:
        try:
            return probes.scores()
        except NonFinite as reason:
            return probes.without_scores(str(reason))

    def _without_values(self, reason: str) -> Report:
        """The report of a state whose rows are not finite: noise can be too much for a model."""
        union = self.options.get("layers") == "union"
        layers = (None,) if union else self.text.extraction.layers
        return Report(
            subject=self.text.about,
            sample=self.text.sample | {"points": 0},
            settings={},
            measurements=[
                Measurement(layer=layer, measure=key, value=None, n=0, reason=reason)
                for layer in layers
                for key in select(self.options.get("measures"))
            ],
            environment=describe_environment(device=self.text.extraction.checkpoint.device),
        )

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
                "settings": first.settings | self.settings,
                "measurements": [row for report in reports for row in report.measurements],
                "scores": None
                if self.probes is None
                else [score for report in reports for score in report.scores or []],
            }
        )

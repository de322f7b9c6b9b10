"""A run's report: its geometry after training and its scores, in the layout that every command reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geoscope.finetuning.along_settings import after
from geoscope.finetuning.prepared_tasks import Lesson
from geoscope.finetuning.results import rows_of
from geoscope.finetuning.runs import Run
from geoscope.report import Measurement, Report, Sample, Score, Subject


def run_report(run: Run, lesson: Lesson, settings: Mapping[str, Any], environment: Mapping[str, Any]) -> Report:
    """The report of a finished run, over token states: of the layers followed, and (layer null) of the union."""
    rows = after(rows_of(run, settings))
    tokens = [row for row in rows if row.cloud is not None and row.cloud != "first"]
    checkpoint = lesson.checkpoint
    return Report(
        subject=Subject(
            name=f"{run.arm.name}/seed{run.seed}",
            kind="checkpoint",
            architecture=checkpoint.architecture,
            fingerprint=run.read("scores.json")["fingerprint"],
            parameters=checkpoint.parameters,
            layers=checkpoint.layers,
            hidden_size=checkpoint.hidden_size,
            trust_remote_code=lesson.trust_remote_code or None,
        ),
        sample=Sample(
            sequences=len(lesson.tracked(settings["tracking"]["examples"])),
            rows=max((row.n for row in tokens if row.cloud == "last"), default=0),
            points=settings["tracking"]["points"],
            pooling="tokens",
            max_length=lesson.max_length,
            seed=0,
        ),
        settings={**settings, "arm": run.arm.settings, "seed": run.seed},
        measurements=[
            Measurement(layer=row.layer, measure=row.measure, value=row.value, n=row.n, reason=row.reason)
            for row in sorted(tokens, key=lambda row: (row.layer is None, row.layer))
        ],
        scores=[
            Score(
                task=lesson.task.name,
                metric=row.measure,
                score=row.value,
                n=row.n,
                reason=row.reason,
                method="finetune",
            )
            for row in rows
            if row.cloud is None
        ],
        environment=dict(environment),
    )

"""Scoring: what is scored of a study's states beside their geometry: frozen rows by probes, weights by fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.errors import NonFinite
from geoscope.report import Score
from geoscope.scratch import scratch_folder
from geoscope.studies.fine_tuned_scores import FineTunings
from geoscope.studies.probes import Probes
from geoscope.studies.saving import save_checkpoint
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.transforms import Step


@dataclass(frozen=True)
class Scoring:
    """The probes and the fine-tunings of a study, where it has any."""

    probes: Probes | None
    fine_tunings: FineTunings | None

    @property
    def settings(self) -> dict[str, Any]:
        """What the report says of them."""
        held = {"probes": self.probes, "finetune": self.fine_tunings}
        return {name: one.settings for name, one in held.items() if one is not None}

    def ahead(self, states: int) -> str | None:
        """What will take long in so many states, in words."""
        return self.fine_tunings.ahead(states) if self.fine_tunings is not None and states else None

    def scores(
        self, checkpoint: Checkpoint, folder: Path | None, broken: str | None, steps: Sequence[Step] = ()
    ) -> list[Score] | None:
        """The scores of the weights that the checkpoint has now and keeps; None where nothing is scored.

        folder: where they are saved, if they are. broken: why their rows are not finite. steps: what is done to rows
        that are probed.
        """
        if self.probes is None and self.fine_tunings is None:
            return None
        probed = [] if self.probes is None else _probed(self.probes, steps)
        return probed + ([] if self.fine_tunings is None else _learnt(self.fine_tunings, checkpoint, folder, broken))


def _probed(probes: Probes, steps: Sequence[Step]) -> list[Score]:
    try:
        return probes.scores(steps)
    except NonFinite as reason:
        return probes.without_scores(str(reason))


def _learnt(fine_tunings: FineTunings, checkpoint: Checkpoint, folder: Path | None, broken: str | None) -> list[Score]:
    if broken is not None:
        return fine_tunings.without_scores(broken)
    if folder is not None:
        return fine_tunings.scores(folder)
    with scratch_folder() as place:
        save_checkpoint(checkpoint, Path(place))
        return fine_tunings.scores(Path(place))

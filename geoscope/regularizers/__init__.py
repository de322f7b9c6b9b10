"""What the measures say, as torch losses: add one to a training loss to shape the space while it is trained."""

from geoscope.regularizers.cosine import cosine_loss
from geoscope.regularizers.entropy import (
    SELECTIONS,
    ClassEntropies,
    SelectedBars,
    class_entropies,
    persistent_entropy_loss,
)
from geoscope.regularizers.frozen_codebooks import FrozenCodebooks, frozen_codebooks, learn_codebooks
from geoscope.regularizers.isotropy import isotropy_loss
from geoscope.regularizers.patchiness import patchiness_loss

__all__ = [
    "SELECTIONS",
    "ClassEntropies",
    "FrozenCodebooks",
    "SelectedBars",
    "class_entropies",
    "cosine_loss",
    "frozen_codebooks",
    "isotropy_loss",
    "learn_codebooks",
    "patchiness_loss",
    "persistent_entropy_loss",
]

"""What the measures say, as torch losses: add one to a training loss to shape the space while it is trained."""

from geoscope.regularizers.cosine import cosine_loss
from geoscope.regularizers.entropy import (
    SELECTIONS,
    ClassEntropies,
    SelectedBars,
    class_entropies,
    persistent_entropy_loss,
)
from geoscope.regularizers.isotropy import isotropy_loss

__all__ = [
    "SELECTIONS",
    "ClassEntropies",
    "SelectedBars",
    "class_entropies",
    "cosine_loss",
    "isotropy_loss",
    "persistent_entropy_loss",
]

"""Models: a checkpoint loaded, and its hidden states as rows."""

from geoscope.requirements import require

require("torch", "transformers", "safetensors")

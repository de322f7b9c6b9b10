"""Studies: one model in many states, each measured and scored the same way."""

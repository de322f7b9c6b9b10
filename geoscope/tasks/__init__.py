"""Tasks: whole subjects and noise levels, run one after another or side by side on a Ray cluster."""

"""Estimates: one measure with all that goes with it, its standard error and its null."""

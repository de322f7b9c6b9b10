"""Calling a measure on rows: what a formula over passes becomes that people call, with its settings and docstring."""

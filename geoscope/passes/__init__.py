"""Passes: the shared work over one cloud of rows, from which the measures are formulas."""

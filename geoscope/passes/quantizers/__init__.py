"""Quantizers: codebooks trained on rows, and the search for the codes of each."""

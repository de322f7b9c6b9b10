"""geoscope and its peers side by side: time, memory and error on the same arrays (`python -m benchmarks`)."""

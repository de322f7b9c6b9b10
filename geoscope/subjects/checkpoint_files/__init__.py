"""Checkpoint files: what stands in a checkpoint's folder, or on the hub."""

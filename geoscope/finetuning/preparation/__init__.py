"""Preparation: each kind of task made ready for a checkpoint: its token ids, its head, and how it is scored."""

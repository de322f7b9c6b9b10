"""Models: a checkpoint loaded, and its hidden states as rows."""

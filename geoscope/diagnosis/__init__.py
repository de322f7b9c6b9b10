"""The diagnosis: whether this installation computes what is known, and what it computes with."""

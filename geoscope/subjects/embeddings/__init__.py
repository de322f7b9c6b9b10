"""Embeddings: rows on disk or in memory, and where they came from."""

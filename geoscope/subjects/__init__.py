"""Where rows come from: corpora and checkpoints, or embeddings on disk."""

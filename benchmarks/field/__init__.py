"""What the field's measures show of three checkpoints, layer by layer, beside what papers say."""

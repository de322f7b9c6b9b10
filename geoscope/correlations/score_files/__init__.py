"""Score files: downstream results in tables and in the files of evaluation harnesses."""

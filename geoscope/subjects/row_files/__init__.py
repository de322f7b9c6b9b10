"""Row files: matrices of numbers in files, read a block of rows at a time."""

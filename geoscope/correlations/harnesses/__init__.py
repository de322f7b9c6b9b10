"""What tools that score models write, read into one form."""

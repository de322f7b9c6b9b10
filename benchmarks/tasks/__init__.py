"""What is measured, one function each: it prepares and warms up, and returns what is to be timed."""

"""What is done where the rows are: by the CPU's own routines, or by torch on another device."""

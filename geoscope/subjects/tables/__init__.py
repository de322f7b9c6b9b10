"""Tables and texts in files, whatever kind of file it is."""

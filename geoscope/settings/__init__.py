"""Settings: every option of a command or a function, each one field of a group.

A group is a TypedDict whose fields are annotated with an `Option`: name, type, default and help stand there and nowhere
else. The command line spreads groups into its options, the library takes them as keywords (mypy sees a wrong one, and a
run refuses it with the nearest name), and a report is read back through them.
"""

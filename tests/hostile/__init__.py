"""Hostile cases: what a tool in other people's CI meets, run through the installed command and judged by a checker.

A case (`cases/`) is data: files, a command line, and what must come, written from the contract before any run.
`running` runs it in a folder of its own, `judging` says what is wrong with what came, `python -m hostile` does all.
"""

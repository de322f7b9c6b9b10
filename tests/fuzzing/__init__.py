"""Fuzzing: readers and grammars on mutated inputs; whatever comes in, a GeoscopeError or a right value comes out.

`targets` says what is called and on what, `mutation` changes it, `python -m fuzzing` counts and keeps what it finds.
"""

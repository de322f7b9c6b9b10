"""The cases, by kind: a module each."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from hostile.case import Case

KINDS = (
    "gates",
    "streams",
    "machine",
    "outputs",
    "results",
    "arrays",
    "tables",
    "scores",
    "projects",
    "checkpoints",
    "options",
)

REPRESENTATIVE = (
    "gates: a limit that holds",
    "gates: a limit that fails",
    "gates: a null under a limit",
    "gates: a measure that is none",
    "gates: another schema version",
    "gates: a drop",
    "gates: compare, other pooling",
    "gates: several outputs",
    "streams: a limit that holds, stdout closed",
    "streams: a limit that holds, stdout full",
    "streams: a limit that fails, stdout broken",
    "outputs: the job's summary is an input",
    "streams: a report from a closed stdin",
    "streams: a measurement into a file, all closed",
    "machine: a measurement in 700 MB",
    "machine: a check on a full disk",
    "machine: the working folder is gone",
    "machine: SIGTERM while stdin is read",
    "outputs: check over its report, itself",
    "outputs: check over its report, a hard link",
    "outputs: compare over its base",
    "outputs: -o, a name too long",
    "results: check, half",
    "results: check, an integer of 5,000 digits",
    "results: check, nesting of 100,000",
    "results: report, a value that is a text",
    "machine: a gate in 300 MB",
    "arrays: npy, a header that calls",
    "arrays: extracted, a fraction below 0",
    "tables: csv, an open quote",
    "scores: scores",
    "scores: scores, half a surrogate",
    "projects: pyproject.toml, nesting",
    "projects: geoscope.toml, an unknown key",
    "checkpoints: config.json, code of its own",
    "checkpoints: an index that names what is above",
    "options: an unknown option",
    "options: escapes as a name, check as table",
    "options: markup as a name, check as html",
    "options: a measurement",
)
"""The forty that `make test` runs, most of them light."""


def all_cases() -> list[Case]:
    """Every case of every kind, under names of their own."""
    found = [
        replace(case, name=f"{kind}: {case.name}", kind=kind)
        for kind in KINDS
        for case in import_module(f"hostile.cases.{kind}").cases()
    ]
    names = [case.name for case in found]
    if len(set(names)) < len(names):
        raise ValueError(f"cases of one name: {sorted({name for name in names if names.count(name) > 1})}")
    return found

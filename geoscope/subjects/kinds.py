"""Kinds: what a SUBJECT is, told by looking at it alone: nothing is read, drawn or fetched."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.report import Report

ARRAY_SUFFIXES = (".npy", ".npz", ".safetensors", ".parquet")
"""What an embeddings file may be called."""

TAKEN = (
    "a Hugging Face id, a checkpoint folder, an embeddings file "
    f"({' '.join(ARRAY_SUFFIXES)}), a folder written by extract, or demo"
)
IDENTIFIER = re.compile(r"^\w[\w.-]*(/\w[\w.-]*)?$")
_OTHER_FILES = (
    ".arrow", ".bin", ".csv", ".feather", ".gguf", ".gz", ".h5", ".hdf5", ".html", ".jsonl", ".md", ".onnx", ".pkl",
    ".pt", ".pth", ".tsv", ".txt", ".xml", ".zip",
)  # fmt: skip
_TEXTS = (".csv", ".jsonl", ".text", ".tokens", ".tsv", ".txt")


class Kind(StrEnum):
    """What a subject is."""

    REPORT = "a report"
    TEXT = "a checkpoint"
    ROWS = "embeddings"
    HELD = "an object in memory"


def kind_of(subject: Any) -> Kind:
    """What a subject is; raises GeoscopeError for a path that is none of them, whatever else is asked for."""
    if isinstance(subject, Report):
        return Kind.REPORT
    if not isinstance(subject, (str, os.PathLike)):
        return Kind.HELD
    name, path = str(subject), Path(subject).expanduser()
    suffix = path.suffix.lower()
    if name == "demo":
        return Kind.TEXT
    if path.is_dir():
        return _of_folder(path)
    if name == "-" or suffix == ".json" or path.is_fifo():
        return Kind.REPORT
    if suffix in ARRAY_SUFFIXES:
        if path.is_file():
            return Kind.ROWS
        raise GeoscopeError(f"expected embeddings in {path}, got no file there; check the path")
    if path.exists():
        what = "; text is read by --corpus, with a checkpoint" if suffix in _TEXTS else "; convert it"
        raise GeoscopeError(f"expected {TAKEN}, got the file {path}{what}")
    if suffix in _OTHER_FILES or not IDENTIFIER.match(name):
        raise GeoscopeError(f"expected {TAKEN}, got {name}, where there is nothing; check the path")
    return Kind.TEXT


def _of_folder(path: Path) -> Kind:
    names = {each.name for each in path.iterdir()}
    if "embeddings.json" in names:
        return Kind.ROWS
    if names & {"config.json", "adapter_config.json", "modules.json"} or any(name.endswith(".gguf") for name in names):
        return Kind.TEXT
    held = sorted(names)[:3]
    raise GeoscopeError(
        f"expected {TAKEN}, got the folder {path}, which has neither config.json nor embeddings.json "
        f"({', '.join(held) + (', ...' if len(names) > len(held) else '') if held else 'it is empty'}); name another"
    )


def expect(subject: Any, kinds: Collection[Kind], why: str) -> Kind:
    """The subject's kind, where it is one of some; raises GeoscopeError where not, with why it must be."""
    kind = kind_of(subject)
    if kind not in kinds:
        name = subject.subject.name if isinstance(subject, Report) else subject
        raise GeoscopeError(f"expected {why}, got {kind}, {name}")
    return kind

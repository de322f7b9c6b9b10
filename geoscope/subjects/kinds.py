"""Kinds: what a SUBJECT is, told by looking at it alone: nothing is read, drawn or fetched."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.report import Report

ARRAY_SUFFIXES = (
    ".npy", ".npz", ".safetensors", ".parquet", ".feather", ".arrow", ".csv", ".tsv", ".jsonl", ".h5",
)  # fmt: skip
"""What an embeddings file may be called; those of text also with .gz behind."""

SAVED_DATASET, SAVED_SPLITS = "state.json", "dataset_dict.json"
"""What datasets' save_to_disk writes beside the rows of a data set, and beside the folders of its splits."""

_PACKED = (".csv", ".tsv", ".jsonl")
_ALSO = {".hdf5": ".h5"}
_WEIGHTS = ("model", "adapter_model", "pytorch_model", "consolidated", "diffusion_pytorch_model")

TAKEN = (
    "a Hugging Face id, a checkpoint folder or .gguf file, an embeddings file "
    f"({' '.join(ARRAY_SUFFIXES)}), a folder of such files of one kind or written by extract or save_to_disk, or demo"
)
IDENTIFIER = re.compile(r"^\w[\w.-]*(/\w[\w.-]*)?$")
_PICKLES = (".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth")
_OTHER_FILES = (".gguf", ".gz", ".html", ".md", ".onnx", ".txt", ".xlsx", ".xml", ".zip", *_PICKLES)
_TEXTS = (".text", ".tokens", ".txt")


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
        return Kind.TEXT if is_model(subject) else Kind.HELD
    name = str(subject)
    if not name.strip():
        raise GeoscopeError(f"expected {TAKEN}, got an empty name; name one")
    path = path_from_home(subject)
    suffix = path.suffix.lower()
    if name == "demo":
        return Kind.TEXT
    if path.is_dir():
        return _of_folder(path)
    if name == "-" or suffix == ".json" or path.is_fifo():
        return Kind.REPORT
    if suffix == ".gguf" and path.is_file():
        return Kind.TEXT
    if embeddings_suffix(path):
        if path.is_file():
            return Kind.ROWS
        raise GeoscopeError(f"expected embeddings in {path}, got no file there; check the path")
    if path.exists():
        what = "; text is read by --corpus, with a checkpoint" if suffix in _TEXTS else "; convert it"
        if suffix in _PICKLES:
            what = ", which only a pickle would read; save its rows as .npy or .safetensors"
        raise GeoscopeError(f"expected {TAKEN}, got the file {path}{what}")
    if suffix in _OTHER_FILES or not IDENTIFIER.match(name):
        raise GeoscopeError(f"expected {TAKEN}, got {name}, where there is nothing; check the path")
    return Kind.TEXT


def is_model(subject: Any) -> bool:
    """Whether it is a loaded model that reads text, or a pair of one and its tokenizer.

    No library is imported to tell: without it nothing is of it. Raises GeoscopeError for a module that is none of
    these.
    """
    if isinstance(subject, tuple) and len(subject) == 2 and isinstance(subject[0], _classes("torch.nn", "Module")):
        subject = subject[0]
    if isinstance(subject, _classes("transformers.modeling_utils", "PreTrainedModel")) or is_sentence_model(subject):
        return True
    if not isinstance(subject, _classes("torch.nn", "Module")):
        return False
    inner = next((name for name in ("_orig_mod", "module", "merge_and_unload") if hasattr(subject, name)), None)
    what = "save it and name its folder, or give" if inner is None else f"give its {inner}"
    what += {None: " its rows", "merge_and_unload": "()"}.get(inner, "")
    raise GeoscopeError(
        f"expected a loaded transformers model (a PreTrainedModel, with its tokenizer) or a SentenceTransformer, got a "
        f"{type(subject).__name__}; {what}"
    )


def is_sentence_model(subject: Any) -> bool:
    """Whether it is a loaded SentenceTransformer."""
    return isinstance(subject, _classes("sentence_transformers", "SentenceTransformer"))


def _classes(module: str, name: str) -> tuple[type, ...]:
    found = getattr(sys.modules.get(module), name, None)
    return (found,) if isinstance(found, type) else ()


def embeddings_suffix(path: Path) -> str:
    """What an embeddings file is by its name: ".csv" of a.CSV and of a.csv.gz; empty where it is called otherwise."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        inner = Path(path.stem).suffix.lower()
        return inner if inner in _PACKED else ""
    suffix = _ALSO.get(suffix, suffix)
    return suffix if suffix in ARRAY_SUFFIXES else ""


def is_extracted(folder: Path) -> bool:
    """Whether extract wrote it."""
    return (folder / "embeddings.json").is_file()


def _of_folder(path: Path) -> Kind:
    names = {each.name for each in path.iterdir()}
    if is_extracted(path):
        return Kind.ROWS
    if names & {"config.json", "adapter_config.json", "modules.json"} or any(name.endswith(".gguf") for name in names):
        return Kind.TEXT
    if names & {SAVED_DATASET, SAVED_SPLITS} or any(_is_shard(path / name) for name in names):
        return Kind.ROWS
    if any((path / name / "config.json").is_file() for name in names):
        return Kind.TEXT  # by --subfolder
    below = next((each for name in sorted(names) for each in _within(path / name)), None)
    if below is not None:
        raise GeoscopeError(
            f"expected {TAKEN}, got the folder {path}, which has files in subfolders alone, as {below}, and those are "
            "not read; name a folder of files"
        )
    held = sorted(names)[:3]
    raise GeoscopeError(
        f"expected {TAKEN}, got the folder {path}, which has neither config.json nor embeddings.json "
        f"({', '.join(held) + (', ...' if len(names) > len(held) else '') if held else 'it is empty'}); name another"
    )


def _is_shard(path: Path) -> bool:
    """Whether a folder's file may be embeddings: it is no weights of a checkpoint that lacks its config.json."""
    weights = path.suffix == ".safetensors" and path.name.startswith(_WEIGHTS)
    return bool(embeddings_suffix(path)) and path.name[0] not in "._" and not weights and path.is_file()


def _within(folder: Path) -> Iterator[Path]:
    """The embeddings files in a folder's subfolders and itself."""
    if folder.name[0] not in "._" and folder.is_dir():
        for held, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if name[0] not in "._")
            yield from (Path(held) / name for name in sorted(files) if _is_shard(Path(held) / name))


def expect(subject: Any, kinds: Collection[Kind], why: str, *, named: bool = False) -> Kind:
    """The subject's kind, where it is one of some; raises GeoscopeError where not, with why it must be.

    named: it must be given by its name or path, not be loaded.
    """
    kind = kind_of(subject)
    if named and is_model(subject):
        raise GeoscopeError(
            f"expected {why} by its name or folder, got a loaded {type(subject).__name__}; save it and name its folder"
        )
    if kind not in kinds:
        name = subject.subject.name if isinstance(subject, Report) else subject
        name = name if isinstance(name, (str, os.PathLike)) else f"a {type(subject).__name__}"
        raise GeoscopeError(f"expected {why}, got {kind}, {name}; give another")
    return kind

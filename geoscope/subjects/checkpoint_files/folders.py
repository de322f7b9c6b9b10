"""Folders: what stands in a checkpoint's folder, and where: a model, an adapter on one, or both, a GGUF file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home, path_of
from geoscope.subjects.checkpoint_files import adapters
from geoscope.subjects.checkpoint_files.adapters import Adapter, read_adapter
from geoscope.subjects.checkpoint_files.descriptions import read_json
from geoscope.subjects.checkpoint_files.hub import Snapshot
from geoscope.subjects.checkpoint_files.own_files import SMALL_FILES, refuse_foreign_files
from geoscope.subjects.checkpoint_files.sentence_models import MODULES, READERS, Module, modules_of, reader_of
from geoscope.subjects.checkpoint_files.weights import choose_weights
from geoscope.subjects.kinds import IDENTIFIER

_MODULE_FILE = re.compile(r"^(\d+_\w+/)?[^/]+$")

FindBase = Callable[[str, str | None], Snapshot]
"""Where the checkpoint of a name and revision is."""


def look_into(snapshot: Snapshot, subject: str, find: FindBase, *, allow_pickle: bool) -> Snapshot:
    """Where in a folder the model is, and the adapter that goes on it.

    find: for the base of an adapter that is not beside it. Raises GeoscopeError where there is neither.
    """
    if snapshot.file is not None:
        return snapshot
    refuse_foreign_files(snapshot.folder)
    if (snapshot.folder / MODULES).is_file():
        reader = _reader(snapshot.folder)
        static = reader.kind == "StaticEmbedding"
        snapshot = replace(snapshot, modules=snapshot.folder, folder=reader.folder, static=static)
    folder = snapshot.folder
    if snapshot.static or _is_model2vec(folder):
        return replace(snapshot, static=True)
    if (folder / adapters.CONFIG).is_file():
        adapter = read_adapter(folder, subject, allow_pickle=allow_pickle)
        if _holds_model({path.name for path in folder.iterdir()}):
            return replace(snapshot, adapter=adapter)
        return replace(snapshot, folder=_base(adapter, subject, find).folder, adapter=adapter)
    if (folder / "config.json").is_file() or list(folder.glob("*.gguf")):
        return snapshot
    below = sorted(path.parent.name for path in folder.glob("*/config.json"))
    what = f"pass --subfolder {' or '.join(below[:3])}" if below else "name the folder that has it"
    raise GeoscopeError(f"expected a checkpoint, got the folder {folder}, which has no config.json; {what}")


def go_down(snapshot: Snapshot, below: str | None, subject: str) -> Snapshot:
    """The snapshot at a folder below its own; raises GeoscopeError where there is none."""
    if below is None:
        return snapshot
    parts = path_of(below, "a folder's name as --subfolder").parts
    folder = snapshot.folder.joinpath(*parts)
    if not parts or ".." in parts or Path(below).is_absolute() or not folder.is_dir():
        held = ", ".join(sorted(path.name for path in snapshot.folder.iterdir() if path.is_dir())[:5]) or "none"
        raise GeoscopeError(f"expected --subfolder to be a folder of '{subject}', got {below}; it has {held}")
    return replace(snapshot, folder=folder, subfolder=below)


def _reader(folder: Path) -> Module:
    """What reads text in a sentence-transformers folder: its first module, or the model in the folder itself."""
    first = modules_of(folder)[:1]
    if (folder / "config.json").is_file() and first and first[0].kind not in READERS:
        return Module("Transformer", folder)
    return reader_of(folder)


def _is_model2vec(folder: Path) -> bool:
    config = folder / "config.json"
    try:
        return config.is_file() and read_json(config, dict).get("model_type") == "model2vec"
    except GeoscopeError:  # transformers says what is wrong with it
        return False


def wanted_files(
    names: Sequence[str], *, subject: str, code: bool, allow_pickle: bool, below: str | None = None
) -> list[str]:
    """Those of a hub repository's files that are read: configuration, tokenizer, weights, code where it may run.

    below: the folder in it that is meant, if it is not the whole.
    """
    if below is not None:
        prefix = f"{below.strip('/')}/"
        inner = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        found = wanted_files(inner, subject=f"{subject}/{below}", code=code, allow_pickle=allow_pickle)
        return [prefix + name for name in found]
    suffixes = SMALL_FILES + ((".py",) if code else ())
    if MODULES in names:
        return [name for name in names if _MODULE_FILE.match(name) and _is_read(name, suffixes, names, allow_pickle)]
    names = list(dict.fromkeys(name.partition("/")[0] for name in names))  # of a folder its name
    small = [name for name in names if name.endswith(suffixes)]
    if adapters.CONFIG in names and not _holds_model(names):
        return [*small, *(name for name in names if name in adapters.WEIGHTS)]
    return list(dict.fromkeys([*choose_weights(names, subject, allow_pickle=allow_pickle).files, *small]))


def _is_read(name: str, suffixes: tuple[str, ...], names: Collection[str], allow_pickle: bool) -> bool:
    """Whether a file of a sentence-transformers repository is, pickles only where there is nothing else."""
    folder, _, last = name.rpartition("/")
    safe = any(other.rpartition("/")[0] == folder and other.endswith(".safetensors") for other in names)
    pickled = allow_pickle and not safe and last.startswith(("pytorch_model", "adapter_model"))
    return last.endswith((*suffixes, ".safetensors")) or pickled


def _holds_model(names: Collection[str]) -> bool:
    """Whether a model's weights are beside its configuration; an adapter's folder may have the latter alone."""
    return "config.json" in names and any(name.startswith(("model", "pytorch_model")) for name in names)


def _is_checkpoint(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("config.json", adapters.CONFIG))


def _base(adapter: Adapter, subject: str, find: FindBase) -> Snapshot:
    named = path_from_home(adapter.base, f"a checkpoint as the base that the adapter '{subject}' names")
    places = [named, adapter.folder / adapter.base]
    local = next((place for place in places if adapter.base and _is_checkpoint(place)), None)
    if local is not None or IDENTIFIER.match(adapter.base):
        base = find(adapter.base, adapter.base_revision) if local is None else find(str(local), None)
        refuse_foreign_files(base.folder)
        if not (base.folder / adapters.CONFIG).is_file():
            return base
        raise GeoscopeError(
            f"expected a model as the base of the adapter '{subject}', got '{adapter.base}', which has an adapter "
            "itself; merge that one first"
        )
    raise GeoscopeError(
        f"expected the base of the adapter '{subject}', got none at {adapter.base or 'a path that is not said'}; "
        f"put its files beside the adapter, or mend base_model_name_or_path in {adapters.CONFIG}"
    )

"""Own files: that what is read of a checkpoint's folder lies in it, and is a file of a size that can be read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from geoscope.bounds import DESCRIPTION_BYTES, refuse_irregular
from geoscope.errors import GeoscopeError
from geoscope.files import path_of

SMALL_FILES = (".json", ".txt", ".model", ".jinja", ".tiktoken", ".spm")
"""How what describes a checkpoint or makes its tokens ends."""

_READ = (*SMALL_FILES, ".py", ".safetensors", ".bin", ".gguf")
_WHOLE = re.compile(
    r"^(config|generation_config|preprocessor_config|processor_config|chat_template|tokenizer|vocab|merges"
    r"|special_tokens|added_tokens|spiece|sentencepiece|source\.spm|target\.spm|modules\.json|adapter_config)"
)


def refuse_foreign_files(folder: Path) -> None:
    """Refuse a checkpoint's folder in which something that is read, of whatever library, does not lie or is no file.

    Raises GeoscopeError too for a description that is too large to be one: libraries read them whole.
    """
    for path in sorted(folder.iterdir()):
        if not path.name.endswith(_READ) or path.is_dir():
            continue
        refuse_elsewhere(path, folder)
        size = path.stat().st_size if path.exists() else 0
        if _WHOLE.match(path.name) and size > DESCRIPTION_BYTES:
            raise GeoscopeError(
                f"expected at most {DESCRIPTION_BYTES >> 20} MB in what describes a checkpoint, got {size >> 20:,} MB "
                f"in {path}; download or save it again"
            )


def refuse_elsewhere(path: Path, folder: Path) -> None:
    """Refuse a path of a checkpoint that leads out of its folder, or to what is no file; what is not there is not.

    The hub's cache keeps a repository's files beside its snapshots, under blobs, and links to them.
    """
    if not path_of(path).is_dir():
        refuse_irregular(path, "each part of a checkpoint", advice="download or save it again")
    real, home = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    snapshots = next((each for each in home.parents if each.name == "snapshots"), None)
    if not real.is_relative_to(home) and (snapshots is None or not real.is_relative_to(snapshots.parent / "blobs")):
        raise GeoscopeError(
            f"expected every file of a checkpoint in its folder {folder}, got {path.name}, a link to {real}; copy the "
            "file into the folder if you trust it"
        )

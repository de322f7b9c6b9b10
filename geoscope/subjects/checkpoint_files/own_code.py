"""Own code: what a checkpoint brings along to be run: of one commit where it is from the hub, and out of no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.checkpoint_files.descriptions import read_json

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ELSEWHERE = "--"
"""What stands between another repository and its class in an auto_map: "org/name--file.Class"."""


def refuse_unpinned(identifier: str, revision: str | None, *, base_of: str | None = None) -> None:
    """Refuse to run code of the hub by a branch or tag, which whoever owns it can move to other code.

    base_of: the adapter whose configuration names the checkpoint, if nobody typed it.
    """
    if revision is not None and _COMMIT.fullmatch(revision):
        return
    got = "none" if revision is None else f"'{revision}'"
    if base_of is not None:
        raise GeoscopeError(
            f"expected a commit (40 hex digits) of '{identifier}' as the revision in the adapter_config.json of "
            f"'{base_of}' beside --trust-remote-code, got {got}, which can come to mean other code; write it there, or "
            "put a copy of the base beside the adapter"
        )
    raise GeoscopeError(
        f"expected --revision with a commit (40 hex digits) of '{identifier}' beside --trust-remote-code, got {got}, "
        "which can come to mean other code than you have read; give that of the files you read, as `git ls-remote "
        f"https://huggingface.co/{identifier}` and the History of its files on the hub show it"
    )


def refuse_foreign_code(folder: Path, subject: str) -> None:
    """Refuse code that a checkpoint's configuration names in another repository: no commit of that is asked for."""
    for path in sorted(folder.glob("*config.json")):
        for reference in _references(read_json(path, dict)):
            repository, there, _ = reference.partition(_ELSEWHERE)
            if there:
                raise GeoscopeError(
                    f"expected the code of '{subject}' beside its configuration, got {reference!r} in the auto_map of "
                    f"{path.name}, whose commit nothing says; download both, read the code, put it into the "
                    f"checkpoint's folder, take '{repository}{_ELSEWHERE}' off its name there, and give the folder"
                )


def _references(held: Any) -> Iterator[str]:
    """The classes that the auto_map of a configuration, or of any part of it, names."""
    waiting = [(held, False)]
    while waiting:
        each, inside = waiting.pop()
        if isinstance(each, dict):
            waiting += [(value, inside or name == "auto_map") for name, value in each.items()]
        elif isinstance(each, list):
            waiting += [(value, inside) for value in each]
        elif inside and isinstance(each, str):
            yield each

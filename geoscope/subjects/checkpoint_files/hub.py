"""The Hugging Face hub: data sets and checkpoints from it or its cache, and soon told if out of reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError, first_line
from geoscope.network import keep_to_itself, offline, why_offline
from geoscope.requirements import require
from geoscope.subjects.checkpoint_files.adapters import Adapter

_TIMEOUT = 10.0

keep_to_itself()


@dataclass(frozen=True)
class Snapshot:
    """A checkpoint's files on disk, and the commit they are from (None for a folder of the user's own).

    folder: of its configuration and weights. adapter: what goes on them, if anything does. modules: the folder of
    sentence-transformers' modules.json, if it is in one. static: whether it is a table of token vectors and no more.
    subfolder: where below the folder or repository that was named. file: the one GGUF file that was. trusted: whether
    code that is among them may run.
    """

    folder: Path
    commit: str | None
    adapter: Adapter | None = None
    modules: Path | None = None
    static: bool = False
    subfolder: str | None = None
    file: str | None = None
    trusted: bool = False

    @property
    def tokenizer_folder(self) -> Path:
        """Where its tokenizer is: beside an adapter, if one was saved there."""
        beside = self.folder if self.adapter is None else self.adapter.folder
        return beside if (beside / "tokenizer_config.json").is_file() else self.folder


class OutOfReach(Exception):
    """The hub does not give what was asked for and the cache lacks it; the message says why."""


def load_dataset(repository: str, configuration: str | None, revision: str | None) -> Any:
    """A data set by its hub name, every split; from the cache when the hub is out of reach."""
    require("datasets", "pyarrow")
    import datasets
    from datasets.exceptions import DatasetsError
    from huggingface_hub import HfApi

    failures = (*_hub_errors(), DatasetsError)
    why = why_offline()
    if why is None:
        try:
            HfApi().dataset_info(repository, revision=revision, timeout=_TIMEOUT)
        except failures as error:
            why = f"the Hugging Face hub is out of reach ({type(error).__name__})"
    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        with offline(why is not None):
            return datasets.load_dataset(repository, configuration, revision=revision)
    except failures as error:
        raise OutOfReach(why or first_line(error)) from error
    finally:
        if shown:
            datasets.enable_progress_bars()


_MARKS = {
    "checkpoint": ("config.json", "adapter_config.json", "modules.json"),
    "tokenizer": ("tokenizer_config.json", "tokenizer.json", "vocab.txt", "vocab.json", "config.json"),
}
"""Files by any of which a cached folder is known as one."""


def find_snapshot(
    identifier: str,
    revision: str | None,
    wanted: Callable[[list[str]], list[str]],
    below: str | None = None,
    what: str = "checkpoint",
) -> Snapshot:
    """The folder of a hub checkpoint's configuration, tokenizer and weights, fetched unless cached.

    wanted: given the names of the repository's files, those to fetch. below: the folder in it that is meant.
    what: a checkpoint, or only its tokenizer.
    Raises GeoscopeError when the id or revision does not exist, or the hub is out of reach and the cache
    lacks it.
    """
    from huggingface_hub import HfApi, constants, errors, snapshot_download

    why = why_offline()
    if why is not None:
        return _cached(identifier, revision, below, what, why)
    try:
        info = HfApi().model_info(identifier, revision=revision, timeout=_TIMEOUT)
        files = [entry.rfilename for entry in info.siblings or []]
        folder = snapshot_download(
            identifier,
            revision=info.sha,
            cache_dir=constants.HF_HUB_CACHE,
            allow_patterns=wanted(files),
        )
    except errors.GatedRepoError as error:
        raise GeoscopeError(
            f"expected a {what} that you may read, got '{identifier}', which is gated; accept its terms on the "
            "hub, then run `hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise GeoscopeError(
            f"expected a revision of the {what} '{identifier}', got '{revision}', which it does not have; "
            "check --revision"
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise GeoscopeError(
            f"expected a {what}, got '{identifier}', which is no local folder, and the hub has none of that name "
            "that you may read; check the name"
        ) from error
    except _hub_errors() as error:
        why = f"the Hugging Face hub is out of reach ({type(error).__name__})"
        return _cached(identifier, revision, below, what, why)
    return Snapshot(Path(folder), info.sha)


def _cached(identifier: str, revision: str | None, below: str | None, what: str, why: str) -> Snapshot:
    """The cached snapshot of a revision (a branch, a tag or a commit; default main)."""
    from huggingface_hub import constants, errors, try_to_load_from_cache

    prefix = f"{below}/" if below else ""
    try:
        held = (
            try_to_load_from_cache(
                identifier, prefix + name, cache_dir=constants.HF_HUB_CACHE, revision=revision or "main"
            )
            for name in _MARKS[what]
        )
        found = next((path for path in held if isinstance(path, str)), None)
    except errors.HFValidationError as error:
        raise GeoscopeError(
            f"expected an existing folder or file, or a Hugging Face id such as 'org/name', got '{identifier}'; "
            "check the name"
        ) from error
    if not isinstance(found, str):
        at = f" at revision '{revision}'" if revision else ""
        raise GeoscopeError(
            f"expected a {what}, got '{identifier}'{at}, which is not a local folder, is not in the cache, and "
            f"{why}; check the name, or give the path of a downloaded folder"
        )
    folder = Path(found).parents[len(Path(prefix).parts)]
    return Snapshot(folder, folder.name)


def _hub_errors() -> tuple[type[Exception], ...]:
    """What huggingface_hub raises for a hub that does not answer or answers with an error."""
    from huggingface_hub.utils import httpx

    return (OSError, ValueError, RuntimeError, httpx.HTTPError)

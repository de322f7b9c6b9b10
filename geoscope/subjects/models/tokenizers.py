"""Tokenizers: the one a checkpoint brings, or another that is named, if it knows words at all."""

from __future__ import annotations

from copy import deepcopy
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any

from geoscope.errors import GeoscopeError, first_line
from geoscope.files import path_from_home
from geoscope.subjects.checkpoint_files.hub import find_snapshot
from geoscope.subjects.checkpoint_files.own_code import refuse_foreign_code
from geoscope.subjects.checkpoint_files.own_files import refuse_foreign_files

_LEFT = (".py", ".safetensors", ".bin", ".gguf", ".h5", ".msgpack", ".onnx", ".pt", ".pth", ".ckpt")
_FEWEST = 2
"""Tokens beside the special ones; T5's, made up, has one: the space."""

_MOST_UNKNOWN = 0.9
"""A larger share of unknown tokens is no text that the tokenizer was made for."""


def load_tokenizer(
    folder: Path,
    subject: str,
    *,
    named: Any = None,
    trust_remote_code: bool = False,
    gguf_file: str | None = None,
) -> Any:
    """The tokenizer of a checkpoint's folder, of the id or folder `named`, or a copy of a loaded one that is given.

    It cuts long text on the right. Code of a tokenizer that is named by its id on the hub never runs: no commit of it
    is asked for.

    Raises GeoscopeError where there is none, or one without a single word: what transformers makes up for a folder
    without tokenizer files.
    """
    if not isinstance(named, (str, PathLike, NoneType)):
        return copied(named)
    from transformers import AutoTokenizer

    place = folder if named is None else _folder_of(str(named))
    packed = {} if gguf_file is None or named is not None else {"gguf_file": gguf_file}
    fetched = named is not None and not path_from_home(named, "a tokenizer's folder or id").is_dir()
    trusted = trust_remote_code and not fetched
    if trusted and named is not None:
        refuse_foreign_code(place, str(named))
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trusted, **packed}
    whose = f"the checkpoint '{subject}'" if named is None else f"--tokenizer '{named}'"
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(place), **options)
    except MemoryError:
        raise
    except Exception as error:  # whatever a tokenizer's own code raises
        if "trust_remote_code" in str(error):
            what = "download and read it, then give its folder with" if fetched else "read it, then pass"
            raise GeoscopeError(
                f"expected a tokenizer without code, got that of {whose}, which brings its own; {what} "
                "--trust-remote-code to run it"
            ) from error
        why = first_line(error)
        told = "" if "from one of: " in why else f" ({why})"  # a list of what could have been there
        raise GeoscopeError(
            f"expected a tokenizer in {whose}, got none that can be loaded{told}; --tokenizer ID|FOLDER gives one"
        ) from error
    if words_of(tokenizer) < _FEWEST:
        raise GeoscopeError(
            f"expected a tokenizer in {whose}, got none: its folder has no vocabulary; --tokenizer ID|FOLDER gives one"
        )
    if not isinstance(tokenizer.model_max_length, (int, float)):
        raise GeoscopeError(
            f"expected model_max_length in the tokenizer_config.json of {whose} to be a number, got "
            f"{tokenizer.model_max_length!r}; mend it"
        )
    _try_out(tokenizer, whose)
    tokenizer.truncation_side = "right"
    return tokenizer


def _try_out(tokenizer: Any, whose: str) -> None:
    """Raise GeoscopeError for a tokenizer that cannot name its special tokens, or cut a text."""
    try:
        tokenizer.all_special_ids  # noqa: B018  # of a token without a number, that of the unknown one, and so on
        tokenizer("a")
    except RecursionError as error:
        raise GeoscopeError(
            f"expected the unknown token in the vocabulary of {whose}, got {tokenizer.unk_token!r}, which it lacks; "
            "mend unk_token in tokenizer_config.json"
        ) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of the library's own language; it is no Exception
            raise
        raise GeoscopeError(
            f"expected a tokenizer in {whose} that cuts text, got one that fails at it ({first_line(error)}); mend its "
            "tokenizer.json, or give another with --tokenizer ID|FOLDER"
        ) from error


def copied(tokenizer: Any) -> Any:
    """A loaded tokenizer to read with, so that its own settings stay as they are; a processor's is in it."""
    from transformers import PreTrainedTokenizerBase

    found = getattr(tokenizer, "tokenizer", tokenizer)
    if not isinstance(found, PreTrainedTokenizerBase):
        raise GeoscopeError(
            f"expected a tokenizer of transformers, or an id or folder of one, got a {type(tokenizer).__name__}; give "
            "AutoTokenizer.from_pretrained of the model's name"
        )
    if words_of(found) < _FEWEST:
        raise GeoscopeError(f"expected a tokenizer with words, got a {type(found).__name__} without; give another")
    made = deepcopy(found)
    made.truncation_side = "right"
    return made


def told_name(tokenizer: Any) -> str:
    """What a report calls a tokenizer: what it is loaded from, else its class."""
    if isinstance(tokenizer, (str, PathLike)):
        return str(tokenizer)
    return str(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)


def words_of(tokenizer: Any) -> int:
    """How many tokens there are beside the special ones."""
    return len(set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens))


def _folder_of(named: str) -> Path:
    """The folder of a tokenizer's files, fetched unless cached, weights and code beside them left where they are."""
    folder = path_from_home(named, "a tokenizer's folder or id")
    if folder.is_dir():
        refuse_foreign_files(folder)
        return folder
    if folder.exists() or folder.is_absolute() or named.startswith((".", "~")) or len(folder.parts) > 2:
        raise GeoscopeError(
            f"expected a tokenizer's folder or Hugging Face id after --tokenizer, got {folder}, which is none; give one"
        )
    return find_snapshot(
        named, None, lambda files: [name for name in files if not name.endswith(_LEFT)], what="tokenizer"
    ).folder


def refuse_unknown(tokenizer: Any, ids: Any, name: str) -> None:
    """Raise GeoscopeError where nearly all of the text's tokens are the unknown one.

    ids: (n,) token ids of the text; the other special tokens do not count.
    """
    import numpy as np

    unknown = tokenizer.unk_token_id
    if unknown is None or not len(ids):
        return
    special = [number for number in tokenizer.all_special_ids if number != unknown]
    content = ids[~np.isin(ids, special)]
    count = int((content == unknown).sum())
    if count > _MOST_UNKNOWN * len(content):
        raise GeoscopeError(
            f"expected text that the tokenizer of '{name}' knows, got {count} unknown tokens "
            f"({tokenizer.unk_token}) of {len(content)}; give the checkpoint's own with --tokenizer, or other text"
        )


def refuse_foreign_ids(tokenizer: Any, ids: Any, rows: int | None, name: str) -> None:
    """Raise GeoscopeError for token ids that the model's embedding table, of so many rows, does not have."""
    if rows is None or not len(ids) or int(ids.max()) < rows:
        return
    worst = int(ids.max())
    raise GeoscopeError(
        f"expected token ids below {rows}, the rows of the embedding table of '{name}', got {worst} "
        f"({tokenizer.convert_ids_to_tokens(worst)}) in the text; resize the model's embeddings, or give its own "
        "tokenizer with --tokenizer"
    )


def padding_id(tokenizer: Any, rows: int | None) -> int:
    """What stands in masked places: a token id that the model, of an embedding table of so many rows, has."""
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if candidate is not None and (rows is None or int(candidate) < rows):
            return int(candidate)
    return 0

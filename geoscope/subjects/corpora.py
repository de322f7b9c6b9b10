"""Corpora: named or in files, each a tuple of sequences with a fingerprint; and the seeded draw from them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.subjects.text_files import TEXT_SUFFIXES, read_texts
from geoscope.subjects.words import Words

NAMES = ("ptb", "wikitext2", "sample")
"""The corpora that have a name; anything else is a file."""

_HUB = {
    "ptb": ("ptb-text-only/ptb_text_only", None, "refs/convert/parquet", "sentence"),
    "wikitext2": ("Salesforce/wikitext", "wikitext-2-v1", None, "text"),
}
_SPLITS = ("train", "validation", "test")
_HEADING = re.compile(r"^=(?: .* )?=$")
_NAMED_FILE = re.compile(r"^([\w.-]+)=(.+)$", re.DOTALL)


@dataclass(frozen=True)
class Corpus:
    """A name, its sequences in order, and "sha256:..." over them."""

    name: str
    sequences: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class CorpusShare:
    """What a draw took from one corpus: the corpus's own fingerprint, how many of its sequences, of how many."""

    name: str
    fingerprint: str
    sequences: int
    available: int


@dataclass(frozen=True)
class Draw:
    """Sequences drawn from one or more corpora, in corpus order, with a fingerprint over just them."""

    texts: tuple[str, ...]
    corpora: tuple[CorpusShare, ...]
    fingerprint: str
    warnings: tuple[str, ...]

    @property
    def fraction(self) -> float:
        """Share of its corpus that a drawn sequence stands for: 1 when every corpus was drawn whole."""
        taken = sum(share.sequences for share in self.corpora)
        return sum(share.sequences**2 / share.available for share in self.corpora) / taken


def load_corpus(spec: str, *, splits: Sequence[str] | None = None, words: Words | None = None) -> Corpus:
    """The corpus that `spec` names: `ptb`, `wikitext2`, `sample`, a file, or NAME=FILE.

    NAME=FILE reads a local file as NAME: `ptb` and `wikitext2` in their own formats, any other name as plain
    text. `splits` (of train, validation, test; default all) narrows a corpus that comes through `datasets`;
    `words` leaves of every sequence its words, of some numbers of them.
    Raises GeoscopeError when the file, the name, the split or the network is missing, or no sequence is left.
    """
    name, path = _parse(spec)
    if splits is not None and (path is not None or name == "sample"):
        raise GeoscopeError(
            f"expected --split with ptb or wikitext2 as they come through datasets, got it with '{spec}', which has "
            "no splits; leave --split out or name the file of the split"
        )
    if path is not None:
        texts: Iterable[str] = read_texts(path)
        origin = str(path)
    elif name == "sample":
        texts, origin = _sample(), "the shipped sample"
    else:
        texts, origin = _from_hub(name, splits), _HUB[name][0]
    sequences = _sequences(texts, _is_wikitext_line if name == "wikitext2" else _is_line)
    if words is not None:
        sequences = words.lines(sequences)
    if not sequences:
        raise GeoscopeError(
            f"expected sequences in the corpus '{name}', got no line of {origin} that is one; give a file with text"
        )
    return Corpus(name, sequences, fingerprint(sequences))


def check_spec(spec: str) -> None:
    """Raise GeoscopeError for a corpus argument that names nothing, before anything is read or fetched."""
    _parse(spec)


def draw(corpora: Sequence[Corpus], sequences: int, seed: int) -> Draw:
    """`sequences` drawn without replacement, shared equally (the first corpora take the remainder), seeded.

    Drawn sequences keep corpus order; a corpus with fewer than its share gives all it has, and a warning says
    so.
    """
    if sequences < 1:
        raise GeoscopeError(f"expected --sequences to be at least 1, got {sequences}; ask for 1 or more")
    if not corpora:
        raise GeoscopeError(f"expected a corpus, got none; pass --corpus with {', '.join(NAMES)} or a file")
    texts: list[str] = []
    shares: list[CorpusShare] = []
    warnings: list[str] = []
    for place, corpus in enumerate(corpora):
        share = sequences // len(corpora) + (place < sequences % len(corpora))
        available = len(corpus.sequences)
        if available < share:
            warnings.append(
                f"The corpus '{corpus.name}' has {available} sequences, fewer than its share of {share}; all are used."
            )
        taken = min(share, available)
        chosen = np.sort(np.random.default_rng(seed).choice(available, taken, replace=False))
        texts.extend(corpus.sequences[i] for i in chosen)
        shares.append(CorpusShare(corpus.name, corpus.fingerprint, taken, available))
    return Draw(tuple(texts), tuple(shares), fingerprint(texts), tuple(warnings))


def fingerprint(sequences: Sequence[str]) -> str:
    """ "sha256:..." over the sequences' UTF-8 bytes, each preceded by its length."""
    digest = hashlib.sha256()
    for sequence in sequences:
        encoded = sequence.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return f"sha256:{digest.hexdigest()}"


def _parse(spec: str) -> tuple[str, Path | None]:
    """A corpus argument as (name, file or None)."""
    if spec in NAMES:
        return spec, None
    path = Path(spec).expanduser()
    if path.is_file():
        return path.stem, path
    named = _NAMED_FILE.match(spec)
    if named:
        path = Path(named[2]).expanduser()
        if not path.is_file():
            raise GeoscopeError(
                f"expected a corpus file, got {path} (from '{spec}'), which does not exist; give the path of a file"
            )
        return named[1], path
    if path.suffix.lower() in TEXT_SUFFIXES or len(path.parts) > 1:
        raise GeoscopeError(
            f"expected a corpus file, got {path}, which does not exist; give an existing file "
            f"({' '.join(TEXT_SUFFIXES)}) or one of {', '.join(NAMES)}"
        )
    raise GeoscopeError(f"expected a corpus of {', '.join(NAMES)}, got '{spec}'; give one of them, a file or NAME=FILE")


def _sequences(texts: Iterable[str], kept: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(text for text in (text.strip() for text in texts) if kept(text))


def _is_line(text: str) -> bool:
    return bool(text)


def _is_wikitext_line(text: str) -> bool:
    """Neither blank nor a heading (` = Title = `, ` = = Section = = `)."""
    return bool(text) and not _HEADING.match(text)


def _sample() -> tuple[str, ...]:
    """The two shipped files as one corpus: PTB-style lines, then WikiText-style paragraphs."""
    folder = _sample_folder()
    lines = _sequences(read_texts(folder / "ptb_style.txt"), _is_line)
    return lines + _sequences(read_texts(folder / "wikitext_style.txt"), _is_wikitext_line)


def _sample_folder() -> Path:
    """Inside the package when installed from a wheel, beside it in an editable install."""
    package = Path(__file__).resolve().parent.parent
    folders = (package / "sample_data", package.parent / "sample_data")
    for folder in folders:
        if (folder / "ptb_style.txt").is_file() and (folder / "wikitext_style.txt").is_file():
            return folder
    raise GeoscopeError(
        f"expected the shipped sample, got no ptb_style.txt and wikitext_style.txt in {folders[0]} or "
        f"{folders[1]}; reinstall geoscope or pass --corpus FILE"
    )


def _from_hub(name: str, splits: Sequence[str] | None) -> list[str]:
    """The rows of a named corpus through `datasets`, split after split."""
    wanted = tuple(splits) if splits is not None else _SPLITS
    unknown = [split for split in wanted if split not in _SPLITS]
    if unknown or not wanted:
        raise GeoscopeError(
            f"expected splits of {name} among {', '.join(_SPLITS)}, got '{', '.join(unknown)}'; choose from them"
        )
    from geoscope.subjects.hub import OutOfReach, load_dataset

    repository, configuration, revision, column = _HUB[name]
    try:
        loaded = load_dataset(repository, configuration, revision)
    except OutOfReach as error:
        raise GeoscopeError(
            f"expected the corpus '{name}' ({repository}) on the hub or in the cache, got neither: {error}; "
            f"pass a local file with --corpus {name}=FILE"
        ) from error
    return [text for split in _SPLITS if split in wanted for text in loaded[split][column]]

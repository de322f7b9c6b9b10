"""Corpora: named, in files, piped in or on the hub, each as sequences with a fingerprint; and the seeded draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.settings.measuring import NAMED_CORPORA
from geoscope.subjects.texts.corpus_places import Place, place_of
from geoscope.subjects.texts.hub_texts import dataset_column, named_texts
from geoscope.subjects.texts.pipes import spooled
from geoscope.subjects.texts.sequences import Counts, Fingerprint, Kept, at_places, collected
from geoscope.subjects.texts.text_files import Texts, open_texts
from geoscope.subjects.texts.words import Words

_HEADING = re.compile(r"^=(?: .* )?=$")


@dataclass(frozen=True)
class Corpus:
    """A name, its sequences in order, and "sha256:..." over them. warnings: what a user should hear of its reading."""

    name: str
    sequences: Sequence[str]
    fingerprint: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DrawnCorpus:
    """What a draw took from one corpus: the corpus's own fingerprint, how many of its sequences, of how many."""

    name: str
    fingerprint: str
    sequences: int
    available: int


@dataclass(frozen=True)
class Draw:
    """Sequences drawn from one or more corpora, in corpus order, with a fingerprint over just them."""

    texts: tuple[str, ...]
    corpora: tuple[DrawnCorpus, ...]
    fingerprint: str
    warnings: tuple[str, ...]

    @property
    def fraction(self) -> float:
        """Share of its corpus that a drawn sequence stands for: 1 when every corpus was drawn whole."""
        taken = sum(share.sequences for share in self.corpora)
        return sum(share.sequences**2 / share.available for share in self.corpora) / taken


def load_corpus(
    spec: str,
    *,
    splits: Sequence[str] | None = None,
    words: Words | None = None,
    text_columns: Sequence[str] | None = None,
) -> Corpus:
    """The corpus that `spec` names: `ptb`, `wikitext2`, `sample`, a file, NAME=FILE, - or a data set of the hub.

    NAME=FILE reads a local file as NAME: `ptb` and `wikitext2` in their own formats, any other name as plain
    text. `-` is standard input, lines or records of JSON; ORG/NAME:SPLIT:COLUMN a data set through `datasets`. `splits`
    (of train, validation, test; default all) narrows ptb and wikitext2 as they come through `datasets`; `words` leaves
    of every sequence its words, of some numbers of them; `text_columns`: which column to read of what has columns.
    Raises GeoscopeError when the file, the name, the split or the network is missing, or no sequence is left.
    """
    place = place_of(spec)
    if splits is not None and not place.has_splits:
        raise GeoscopeError(
            f"expected --split with ptb or wikitext2 as they come through datasets, got it with '{spec}', which has "
            "no splits; leave --split out or name the file of the split"
        )
    texts = _texts(place, splits, text_columns or ())
    kept = Kept(texts, _is_wikitext_line if place.name == "wikitext2" else _is_line)
    if words is None:
        sequences, told, counts = collected(kept)
    else:
        counts = Counts()
        sequences = words.lines(kept.counting(counts))
        told = fingerprint(sequences)
    if not sequences:
        raise GeoscopeError(
            f"expected sequences in the corpus '{place.name}', got no line of {_origin(place)} that is one; give a "
            "file with text"
        )
    return Corpus(place.name, sequences, told, _warnings(place, texts, counts))


def check_specs(specs: Sequence[Any], text_columns: Sequence[str] | None) -> None:
    """Raise GeoscopeError for a corpus argument that names nothing, and for columns asked of what has none, before
    anything is read or fetched. What is no string holds texts itself."""
    places = [place_of(spec) for spec in specs if isinstance(spec, str)]
    if text_columns and len(places) == len(specs) and not any(place.has_columns for place in places):
        raise GeoscopeError(
            f"expected --text-column with a corpus that has columns, got {', '.join(place.name for place in places)}; "
            "leave it out"
        )


def draw(corpora: Sequence[Corpus], sequences: int, seed: int) -> Draw:
    """`sequences` drawn without replacement, shared equally (the first corpora take the remainder), seeded.

    Drawn sequences keep corpus order; a corpus with fewer than its share gives all it has, and a warning says
    so.
    """
    if sequences < 1:
        raise GeoscopeError(f"expected --sequences to be at least 1, got {sequences}; ask for 1 or more")
    if not corpora:
        raise GeoscopeError(f"expected a corpus, got none; pass --corpus with {', '.join(NAMED_CORPORA)} or a file")
    texts: list[str] = []
    shares: list[DrawnCorpus] = []
    warnings = [warning for corpus in corpora for warning in corpus.warnings]
    for place, corpus in enumerate(corpora):
        share = sequences // len(corpora) + (place < sequences % len(corpora))
        available = len(corpus.sequences)
        if available < share:
            warnings.append(
                f"The corpus '{corpus.name}' has {available} sequences, fewer than its share of {share}; all are used."
            )
        taken = min(share, available)
        chosen = np.sort(np.random.default_rng(seed).choice(available, taken, replace=False))
        texts.extend(at_places(corpus.sequences, chosen))
        shares.append(DrawnCorpus(corpus.name, corpus.fingerprint, taken, available))
    return Draw(tuple(texts), tuple(shares), fingerprint(texts), tuple(warnings))


def fingerprint(sequences: Iterable[str]) -> str:
    """ "sha256:..." over the sequences' UTF-8 bytes, each preceded by its length."""
    seen = Fingerprint()
    for sequence in sequences:
        seen.add(sequence)
    return str(seen)


def _texts(place: Place, splits: Sequence[str] | None, columns: Sequence[str]) -> Iterable[str | None]:
    """The texts of a corpus, as they stand where it is."""
    if place.dataset is not None:
        return dataset_column(place.dataset, columns)
    if place.pipe is not None:
        return open_texts(spooled(place.pipe), columns)
    if place.file is not None:
        return open_texts(place.file, columns)
    return _sample() if place.name == "sample" else named_texts(place.name, splits)


def _origin(place: Place) -> str:
    if place.dataset is not None:
        return f"{place.dataset.repository}:{place.dataset.split}"
    if place.pipe is not None:
        return "standard input"
    return str(place.file) if place.file is not None else "the shipped sample" if place.name == "sample" else place.name


def _warnings(place: Place, texts: Iterable[str | None], counts: Counts) -> tuple[str, ...]:
    """What a user should hear: how texts that are no corpus with a name were read, and what is left out of them."""
    if not isinstance(texts, Texts):
        return ()
    said = texts.notes
    if counts.null + counts.blank and place.name not in NAMED_CORPORA:
        why = [f"{number} {word}" for number, word in ((counts.null, "null"), (counts.blank, "blank")) if number]
        one = counts.null + counts.blank == 1
        said += (
            f"Of the {counts.read} {texts.unit}s of {_origin(place)}, {' and '.join(why)} {'is' if one else 'are'} "
            "no sequence.",
        )
    return said


def _is_line(text: str) -> bool:
    return bool(text)


def _is_wikitext_line(text: str) -> bool:
    """Neither blank nor a heading (` = Title = `, ` = = Section = = `)."""
    return bool(text) and not _HEADING.match(text)


def _sample() -> list[str]:
    """The two shipped files as one corpus: PTB-style lines, then WikiText-style paragraphs."""
    folder = _sample_folder()
    lines = Kept(open_texts(folder / "ptb_style.txt"), _is_line)
    return [*lines, *Kept(open_texts(folder / "wikitext_style.txt"), _is_wikitext_line)]


def _sample_folder() -> Path:
    """Inside the package when installed from a wheel, beside it in an editable install."""
    package = Path(str(files("geoscope"))).resolve()
    folders = (package / "sample_data", package.parent / "sample_data")
    for folder in folders:
        if (folder / "ptb_style.txt").is_file() and (folder / "wikitext_style.txt").is_file():
            return folder
    raise GeoscopeError(
        f"expected the shipped sample, got no ptb_style.txt and wikitext_style.txt in {folders[0]} or "
        f"{folders[1]}; reinstall geoscope or pass --corpus FILE"
    )

"""Text subjects: a checkpoint and its corpora, from names to an extraction and what a report says of both."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.protocols import resolved
from geoscope.rows import Source
from geoscope.scratch import scratch_folder
from geoscope.settings.loading import Loading, Origin
from geoscope.settings.measuring import ReadingKeywords, Text
from geoscope.settings.option import completed, fields_of, part, takes, without
from geoscope.subjects.checkpoint_files.sentence_models import SentenceModel, read_sentence_model
from geoscope.subjects.embeddings.embedding_folders import check_output, write_embeddings
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.kinds import Kind, expect, is_model
from geoscope.subjects.loaded_models import loaded_checkpoint, sentence_model_of
from geoscope.subjects.models.checkpoints import Checkpoint, Room, find_checkpoint, load_checkpoint
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.models.tokenizers import told_name
from geoscope.subjects.models.vocabulary import Vocabulary
from geoscope.subjects.texts.corpora import Corpus, check_specs, draw, load_corpus
from geoscope.subjects.texts.held_texts import corpus_held
from geoscope.subjects.texts.words import Words, parse_words

_ANY_LENGTH = 10**9
"""Of text that nothing cuts."""


class TextSubject(NamedTuple):
    """A checkpoint and its drawn, tokenized text: the rows to be read, and what a report says of both.

    settings: what it says of how rows are made, beside the options. The model is read anew whenever the rows are, so
    that what it gives follows its weights.
    """

    extraction: Extraction | Vocabulary
    about: dict[str, Any]
    sample: dict[str, Any]
    settings: dict[str, Any]

    @property
    def identity(self) -> dict[str, Any] | None:
        """What rows follow from to the byte, for those that take time to read: weights, text, settings, environment."""
        if isinstance(self.extraction, Vocabulary):
            return None
        drawn = without(self.sample, ["corpora"])  # which are named as they were typed; their text has a fingerprint
        return {"subject": self.about, "sample": drawn, "settings": self.settings, **self.extraction.identity}


Planned = Callable[["Extraction | Vocabulary | None"], int | None]
"""Told of the rows that are to be read, where they are known, before weights are loaded: the bytes that these may take.

Raises GeoscopeError where they cannot be read in the memory there is.
"""


@takes(ReadingKeywords)
def open_text_subject(subject: Any, planned: Planned | None = None, **given: Unpack[ReadingKeywords]) -> TextSubject:
    """The rows to be read, and the report's words on where they come from.

    subject: a checkpoint's name, a model that somebody has loaded, or a Checkpoint. The keywords are the command
    line's options; by default the corpora are `sample` for `demo`, else `ptb` and `wikitext2`. What a user should hear
    of the draw is in `extraction.warnings`. What names and words ask for is looked at first, then the checkpoint is
    looked for, then text is drawn. Raises GeoscopeError for any user's mistake.
    """
    options = completed(ReadingKeywords, resolved(given))
    if options["pooling"] == "vocabulary":
        held = loaded_checkpoint(subject, options) if is_model(subject) else subject
        return _open_vocabulary(held, options, planned)
    specs = _corpora(options, subject)
    kept = None if options["words"] is None else parse_words(options["words"])
    columns = options["text_columns"]
    check_specs(specs, columns)
    loading = part(Loading, options)
    found = loaded = None
    if is_model(subject):
        loaded = sentence_model_of(subject) if options["pooling"] == "model" else None
        subject = loaded_checkpoint(subject, options)
    elif not isinstance(subject, Checkpoint):
        found = find_checkpoint(subject, **without(part(Origin, options), ["tokenizer"]))
    drawn = draw(_loaded(specs, options["split"], kept, columns), options["sequences"], options["seed"])

    def read_by(checkpoint: Checkpoint) -> tuple[Extraction, SentenceModel | None, int | None]:
        sentence = loaded or _sentence_model(checkpoint, options)
        length = options["max_length"] if sentence is None else _length(sentence, checkpoint, options["max_length"])
        extraction = Extraction(
            checkpoint, drawn.texts, pooling=options["pooling"], tokens=options["tokens"],
            max_length=length or _ANY_LENGTH if sentence is not None else length, layers=options["layers"],
            before_final_norm=options["before_final_norm"], seed=options["seed"], batch_tokens=options["batch_tokens"],
            progress=options["progress"], warnings=(*drawn.warnings, *_unused_prompts(sentence, checkpoint.name)),
            sentence=sentence,
        )  # fmt: skip
        return extraction, sentence, length

    if not isinstance(subject, Checkpoint):
        room = _room(planned, lambda sketch: read_by(sketch)[0])
        subject = load_checkpoint(subject, stack=options["stack"], found=found, room=room, **loading)
    extraction, sentence, length = read_by(subject)
    sample = {
        "corpora": [
            {"name": share.name, "fingerprint": share.fingerprint, "sequences": share.sequences}
            for share in drawn.corpora
        ],
        "sequences": len(drawn.texts),
        "rows": len(extraction.index),
        "pooling": options["pooling"],
        "max_length": length if sentence is not None else extraction.max_length,
        "seed": options["seed"],
        "fingerprint": drawn.fingerprint,
        "sampling_fraction": drawn.fraction,
    }
    made: dict[str, Any] = {} if sentence is None else {"sentence_model": sentence.described}
    made |= _told_of_objects(extraction.checkpoint, options)
    return TextSubject(extraction, _describe(extraction), sample, {**made, **extraction.read_with})


Changed = Callable[[Extraction | Vocabulary], tuple[Source, dict[str, Any]]]
"""Makes of a checkpoint's rows those that are kept, and says what settings are to tell of it."""


@takes(ReadingKeywords)
def keep_embeddings(
    subject: Any, output: Any = None, changed: Changed | None = None, **given: Unpack[ReadingKeywords]
) -> Embeddings:
    """Read text with a checkpoint into a folder; see `geoscope.extract`.

    output: the folder, which must be new or empty; a temporary one if left out. changed: what is done to the rows.
    """
    expect(subject, [Kind.TEXT], "a checkpoint to read text with")
    options = completed(ReadingKeywords, resolved(given))
    if output is not None:
        check_output(path_from_home(output))
    text = open_text_subject(subject, **part(ReadingKeywords, options))
    extraction, described, sample, made = text
    for warning in extraction.warnings:
        warnings.warn(warning, stacklevel=2)
    told = {name: value for name, value in ({"tokenizer": options["tokenizer"]} | made).items() if value is not None}
    split, words, protocol = options["split"], options["words"], options["protocol"]
    settings = {
        "layers": list(extraction.layers),
        "pooling": options["pooling"],
        "tokens": options["tokens"],
        "max_length": sample["max_length"],
        "sequences": options["sequences"],
        "split": None if split is None else list(split),
        "seed": options["seed"],
        "dtype": extraction.checkpoint.dtype,
        **told,
        **({} if words is None else {"words": words}),
        **({} if protocol is None else {"protocol": protocol}),
        **({"before_final_norm": True} if options["before_final_norm"] else {}),
        **({} if options["stack"] == "encoder" else {"stack": options["stack"]}),
    }
    temporary = scratch_folder() if output is None else None
    folder = Path(temporary.name) / "embeddings" if temporary is not None else Path(str(output))
    rows, more = (extraction, {}) if changed is None else changed(extraction)
    kept = output is not None and changed is None  # what is changed is no longer what was read
    written = write_embeddings(
        folder, rows, subject=described, sample=sample, settings=settings | more,
        identity=text.identity if kept else None,
    )  # fmt: skip
    written.keep(temporary)
    return written


def _room(planned: Planned | None, rows_of: Callable[[Checkpoint], Extraction | Vocabulary]) -> Room | None:
    """What is asked before weights are loaded; what is wrong with the rows is said after, by the checkpoint itself."""
    if planned is None:
        return None

    def room(sketch: Callable[[], Checkpoint | None]) -> int | None:
        made, rows = sketch(), None
        if made is not None:
            with suppress(GeoscopeError):
                rows = rows_of(made)
        return planned(rows)

    return room


def _open_vocabulary(subject: str | Checkpoint, options: ReadingKeywords, planned: Planned | None) -> TextSubject:
    """The input embedding matrix, beside which every option that chooses text is refused."""
    for name, field in fields_of(Text).items():
        chosen = field.option.of_text or name == "tokens"
        if chosen and name != "pooling" and options.get(name) != field.option.default:
            told = field.flag if field.option.typed else name
            raise GeoscopeError(f"expected no {told} with --pooling vocabulary, which reads no text; leave it out")

    def read_by(checkpoint: Checkpoint) -> Vocabulary:
        return Vocabulary(checkpoint, layers=options["layers"])

    if not isinstance(subject, Checkpoint):
        subject = load_checkpoint(subject, room=_room(planned, read_by), **part(Loading, options))
    rows = read_by(subject)
    sample = {
        "corpora": [],
        "sequences": len(rows.index),
        "rows": len(rows.index),
        "pooling": rows.pooling,
        "max_length": None,
        "seed": options["seed"],
        "fingerprint": rows.fingerprint,
        "sampling_fraction": 1.0,
        "left_out": rows.left_out,
    }
    return TextSubject(rows, _describe(rows), sample, _told_of_objects(rows.checkpoint, options))


def _told_of_objects(checkpoint: Checkpoint, options: ReadingKeywords) -> dict[str, Any]:
    """What a report says of a model and a tokenizer that were loaded before: as much as where they are named."""
    given = options["tokenizer"]
    if not checkpoint.borrowed and (given is None or isinstance(given, str)):
        return {}
    if not checkpoint.borrowed:
        return {"tokenizer": told_name(given)}
    read_by = checkpoint.tokenizer
    name = given if isinstance(given, str) else told_name(read_by)
    own = name in (checkpoint.name, type(read_by).__name__)
    return {"tokenizer": None if own else name, "dtype": checkpoint.dtype}


def _sentence_model(checkpoint: Checkpoint, options: ReadingKeywords) -> SentenceModel | None:
    """What makes rows under --pooling model; None under any other."""
    if options["pooling"] != "model":
        return None
    folder = None if checkpoint.found is None else checkpoint.found.modules
    return read_sentence_model(folder, checkpoint.name, allow_pickle=options["allow_pickle"], device=checkpoint.device)


def _unused_prompts(sentence: SentenceModel | None, name: str) -> list[str]:
    """What a user should hear of prompts that nothing says when to use."""
    if sentence is None or sentence.prompt or not sentence.prompts:
        return []
    told = ", ".join(sentence.prompts)
    return [f"'{name}' has prompts for {told} and none by default; text is read without one."]


def _length(sentence: SentenceModel, checkpoint: Checkpoint, asked: int | None) -> int | None:
    """The tokens that a sentence model's text is cut to: as its folder says, fewer where that is asked for."""
    limits = [each for each in (sentence.max_length, checkpoint.max_positions, asked) if each is not None]
    return min(limits, default=None)


def _corpora(options: ReadingKeywords, subject: Any) -> list[Any]:
    """What text is read: corpora by name, and texts that are held."""
    name = subject.name if isinstance(subject, Checkpoint) else subject
    corpora, texts = options["corpora"], options["texts"]
    if corpora is not None and not isinstance(corpora, (list, tuple)):
        corpora = [corpora]
    corpora = corpora and [str(each) if isinstance(each, Path) else each for each in corpora]
    if texts is not None:
        if corpora:
            raise GeoscopeError("expected corpora or texts, got both; give texts as one of the corpora")
        return [[texts] if isinstance(texts, str) else texts]
    return list(corpora or (["sample"] if isinstance(name, str) and name == "demo" else ["ptb", "wikitext2"]))


def _loaded(specs: Sequence[Any], split: Any, words: Words | None, columns: Sequence[str] | None) -> list[Corpus]:
    held = [spec for spec in specs if not isinstance(spec, str)]
    names = {id(each): "texts" if len(held) == 1 else f"texts-{number}" for number, each in enumerate(held, 1)}
    return [
        load_corpus(spec, splits=split, words=words, text_columns=columns)
        if isinstance(spec, str)
        else corpus_held(spec, names[id(spec)], words=words, text_columns=columns)
        for spec in specs
    ]


def _describe(extraction: Extraction | Vocabulary) -> dict[str, Any]:
    checkpoint = extraction.checkpoint
    return {
        "name": checkpoint.name,
        "kind": "checkpoint",
        "architecture": checkpoint.architecture,
        "revision": checkpoint.revision,
        "fingerprint": checkpoint.fingerprint,
        "parameters": checkpoint.parameters,
        "layers": checkpoint.layers,
        "hidden_size": extraction.row_size,
        **_found(checkpoint),
    }


def _found(checkpoint: Checkpoint) -> dict[str, Any]:
    """What of its folder a report says, where there is something to say."""
    found = checkpoint.found
    below = None if found is None else found.subfolder
    return {
        **({} if below is None else {"subfolder": below}),
        **({} if checkpoint.adapter is None else {"adapter": checkpoint.adapter.described}),
        **({"trust_remote_code": True} if found is not None and found.trusted else {}),
    }

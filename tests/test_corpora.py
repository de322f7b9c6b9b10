"""Corpora from files and names, and the draw from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geoscope.errors import GeoscopeError
from geoscope.subjects.checkpoint_files import hub
from geoscope.subjects.texts.corpora import Corpus, draw, fingerprint, load_corpus

LINES = ("first line here", "second , line", "third")


def corpus(name: str, count: int) -> Corpus:
    sequences = tuple(f"{name} {number}" for number in range(count))
    return Corpus(name, sequences, fingerprint(sequences))


def _write(path: Path) -> Path:
    """The three lines in the format the suffix names, with what each format may bring along."""
    if path.suffix == ".txt":
        path.write_text(" first line here \n\n second , line \r\n\tthird\n   \n", newline="")
    elif path.name == "strings.jsonl":
        path.write_text("\n".join(json.dumps(line) for line in LINES))
    elif path.name == "fields.jsonl":
        path.write_text("\n".join(json.dumps({"id": i, "body": line}) for i, line in enumerate(LINES)))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps({"title": "x", "text": line}) for line in LINES) + "\n\n")
    elif path.name == "only.csv":
        path.write_text('id,body\n1,first line here\n2,"second , line"\n3,third\n')
    elif path.suffix == ".csv":
        path.write_text('\ufefftitle,sentence\nx,first line here\ny,"second , line"\nz,third\n', encoding="utf-8")
    else:
        pq.write_table(pa.table({"id": [0, 1, 2], "body": pa.array(LINES)}), path)
    return path


@pytest.mark.parametrize(
    "name", ["a.txt", "a.jsonl", "strings.jsonl", "fields.jsonl", "a.csv", "only.csv", "a.parquet"]
)
def test_every_format_gives_the_same_corpus(name: str, tmp_path: Path) -> None:
    path = _write(tmp_path / name)
    loaded = load_corpus(str(path))
    assert loaded.sequences == LINES
    assert loaded.name == path.stem
    assert loaded.fingerprint == fingerprint(LINES)
    assert load_corpus(f"mine={path}").name == "mine"


def test_wikitext_leaves_out_headings_and_blanks(tmp_path: Path) -> None:
    path = tmp_path / "wiki.txt"
    path.write_text(" \n = Title = \n \n A paragraph = of text . \n = = Section = = \n = = = Deep = = = \n x = y \n")
    assert load_corpus(f"wikitext2={path}").sequences == ("A paragraph = of text .", "x = y")
    assert len(load_corpus(f"ptb={path}").sequences) == 5


def test_the_sample_ships_both_formats() -> None:
    sample = load_corpus("sample")
    assert sample.name == "sample"
    assert len(sample.sequences) >= 520
    assert len(set(sample.sequences)) == len(sample.sequences)
    assert sum(len(text.split()) for text in sample.sequences) >= 12_000
    assert not any(text.startswith("= ") for text in sample.sequences)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("penn", "expected a corpus of ptb, wikitext2, sample, got 'penn'"),
        ("absent.txt", "expected a corpus file, got absent.txt"),
        ("some/where", "expected a corpus file, got some/where"),
        ("ptb=absent.txt", "expected a corpus file, got absent.txt"),
        ("{dir}/blank.txt", "expected sequences in the corpus 'blank', got no line"),
        ("{dir}/other.doc", "got '.doc' in"),
        ("{dir}/broken.jsonl", "a record of JSON in every line, got something else in line 2 of"),
        ("{dir}/number.jsonl", "got no column of text in"),
        ("{dir}/two.csv", "got the text columns a, b in"),
        ("{dir}/numbers.csv", "got no column of text in"),
        ("{dir}/broken.parquet", "expected a corpus in parquet, got .* cannot be read"),
        ("{dir}/latin.txt", "expected text in UTF-8, got something else at byte 3 of"),
    ],
)
def test_mistakes_are_sentences(spec: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "blank.txt").write_text(" \n\n")
    (tmp_path / "other.doc").write_text("text")
    (tmp_path / "broken.jsonl").write_text('"fine"\n{no\n')
    (tmp_path / "number.jsonl").write_text('{"id": 3}\n')
    (tmp_path / "two.csv").write_text("a,b\nx,y\n")
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "latin.txt").write_bytes("caf\u00e9".encode("latin-1"))
    with pytest.raises(GeoscopeError, match=sentence):
        load_corpus(spec.format(dir=tmp_path))


def test_splits_belong_to_the_hub(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.txt")
    for spec in (str(path), f"ptb={path}", "sample"):
        with pytest.raises(GeoscopeError, match="which has no splits"):
            load_corpus(spec, splits=["test"])
    with pytest.raises(GeoscopeError, match="among train, validation, test, got 'dev'"):
        load_corpus("ptb", splits=["dev"])


def test_named_corpora_come_through_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(*arguments: str | None) -> dict[str, dict[str, list[str]]]:
        asked.append(arguments)
        rows = {
            "sentence": {split: [f" {split} one ", "two"] for split in ("train", "validation", "test")},
            "text": {split: ["", f" = {split} = ", " text "] for split in ("train", "validation", "test")},
        }
        return {split: {column: rows[column][split] for column in rows} for split in rows["text"]}

    monkeypatch.setattr(hub, "load_dataset", load_dataset)
    assert load_corpus("ptb").sequences == ("train one", "two", "validation one", "two", "test one", "two")
    assert load_corpus("ptb", splits=["test", "train"]).sequences == ("train one", "two", "test one", "two")
    assert load_corpus("wikitext2").sequences == ("text",) * 3
    assert asked[0] == ("ptb-text-only/ptb_text_only", None, "refs/convert/parquet")
    assert asked[-1] == ("Salesforce/wikitext", "wikitext-2-v1", None)


def test_without_the_hub_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in ("ptb", "wikitext2"):
        with pytest.raises(GeoscopeError, match=f"in the cache, got neither: .* offline .* --corpus {name}=FILE"):
            load_corpus(name)


def test_a_draw_shares_equally_and_keeps_corpus_order() -> None:
    drawn = draw([corpus("a", 100), corpus("b", 100)], 51, seed=0)
    assert [(share.name, share.sequences) for share in drawn.corpora] == [("a", 26), ("b", 25)]
    numbers = [int(text.split()[1]) for text in drawn.texts]
    assert numbers[:26] == sorted(set(numbers[:26]))
    assert numbers[26:] == sorted(set(numbers[26:]))
    expected = np.sort(np.random.default_rng(0).choice(100, 26, replace=False))
    assert numbers[:26] == expected.tolist()
    assert drawn.fingerprint == fingerprint(drawn.texts)
    assert not drawn.warnings


def test_a_draw_is_seeded() -> None:
    corpora = [corpus("a", 100), corpus("b", 100)]
    assert draw(corpora, 50, seed=3) == draw(corpora, 50, seed=3)
    assert draw(corpora, 50, seed=3).texts != draw(corpora, 50, seed=4).texts


def test_a_small_corpus_gives_all_with_a_warning() -> None:
    drawn = draw([corpus("a", 5), corpus("b", 100)], 40, seed=0)
    assert [share.sequences for share in drawn.corpora] == [5, 20]
    assert drawn.texts[:5] == corpus("a", 5).sequences
    assert drawn.warnings == ("The corpus 'a' has 5 sequences, fewer than its share of 20; all are used.",)


def test_a_draw_needs_a_sequence_and_a_corpus() -> None:
    with pytest.raises(GeoscopeError, match="at least 1, got 0"):
        draw([corpus("a", 5)], 0, seed=0)
    with pytest.raises(GeoscopeError, match="expected a corpus, got none"):
        draw([], 5, seed=0)


def test_fingerprints_see_where_sequences_end() -> None:
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"])
    assert fingerprint(["ab"]).startswith("sha256:")

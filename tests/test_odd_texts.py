"""Corpora and labelled files as people have them: read right, or refused in a sentence that says what to do."""

from __future__ import annotations

import bz2
import csv
import gc
import gzip
import io
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import geoscope
from geoscope.errors import GeoscopeError
from geoscope.subjects.checkpoint_files import hub
from geoscope.subjects.tables.encodings import read_lines
from geoscope.subjects.texts import pipes, sequences
from geoscope.subjects.texts.corpora import Corpus, check_specs, draw, fingerprint, load_corpus
from geoscope.tasks import tasks
from geoscope.tasks.labelled_files import Labelled, read_labelled

gzipped = partial(gzip.compress, mtime=0)  # the same bytes in every worker, which parameters must be

TEXTS = ("The cat, sat", "Zoë; met | him", 'He said "no"')


def read(path: Path, *columns: str) -> Corpus:
    return load_corpus(str(path), text_columns=columns)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(delimiter: str, *rows: Sequence[object], **how: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n", **how).writerows(rows)
    return buffer.getvalue()


def lines(*records: object) -> str:
    return "\n".join(json.dumps(record) for record in records) + "\n"


ROWS = [("id", "text"), *enumerate(TEXTS)]
RECORDS = [{"id": place, "text": text} for place, text in enumerate(TEXTS)]


READ_RIGHT: dict[str, str | bytes] = {
    "commas.csv": table(",", *ROWS),
    "semicolons.csv": table(";", *ROWS),
    "tabs.csv": table("\t", *ROWS),
    "bars.csv": table("|", *ROWS),
    "commas.tsv": table(",", *ROWS),
    "written.tsv": table("\t", *ROWS),
    "all-quoted.tsv": table("\t", *ROWS, quoting=csv.QUOTE_ALL),
    "said.csv": "sep=;\n" + table(";", *ROWS),
    "windows.csv": table(",", *ROWS).replace("\n", "\r\n"),
    "macintosh.csv": table(",", *ROWS).replace("\n", "\r"),
    "mark.csv": b"\xef\xbb\xbf" + table(",", *ROWS).encode(),
    "sixteen.csv": table(";", *ROWS).encode("utf-16"),
    "indexed.csv": table(",", ("", "text"), *ROWS[1:]),
    "packed.csv.gz": gzipped(table(",", *ROWS).encode()),
    "only-named-packed.csv.gz": table(",", *ROWS),
    "packed-unnamed.jsonl": gzipped(lines(*RECORDS).encode()),
    "a.jsonl": lines(*RECORDS),
    "strings.jsonl": lines(*TEXTS),
    "a.jsonl.gz": gzipped(lines(*RECORDS).encode()),
    "a.json": json.dumps(RECORDS, indent=1),
    "strings.json": json.dumps(TEXTS),
    "lines.json": lines(*RECORDS),
    "under-a-key.json": json.dumps({"data": RECORDS}),
    "lists.json": json.dumps({"id": [0, 1, 2], "text": TEXTS}),
    "pandas.json": pd.DataFrame(RECORDS).to_json(),
    "split.json": pd.DataFrame(RECORDS).to_json(orient="split"),
    "a.txt": "\n".join(TEXTS),
    "a.text": "\r\n".join(TEXTS),
    "a.txt.gz": gzipped("\n".join(TEXTS).encode()),
}


@pytest.mark.parametrize("name", READ_RIGHT)
def test_what_says_how_it_is_written_is_read(name: str, tmp_path: Path) -> None:
    corpus = read(written(tmp_path / name, READ_RIGHT[name]))
    assert corpus.sequences == TEXTS
    assert corpus.fingerprint == fingerprint(TEXTS)
    assert corpus.name == name.partition(".")[0]
    found = [note for note in corpus.warnings if "between its columns" in note]
    assert len(found) == (name in ("semicolons.csv", "tabs.csv", "bars.csv", "commas.tsv", "sixteen.csv"))
    assert not [note for note in corpus.warnings if "no sequence" in note]


def test_a_carriage_return_alone_is_text_where_lines_end_otherwise(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.csv", "n,text\n1,one\rtwo\n2,b\n")).sequences == ("one\rtwo", "b")
    assert read(written(tmp_path / "b.csv", 'n,text\r\n1,"one\r\ntwo"\r\n2,b\rc\r\n')).sequences == (
        "one\r\ntwo",
        "b\rc",
    )


def test_parquet_is_read_packed_too(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [0, 1, 2], "text": pa.array(TEXTS).dictionary_encode()}), path)
    packed = written(tmp_path / "b.parquet.gz", gzipped(path.read_bytes()))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert read(path).sequences == read(packed).sequences == TEXTS
        gc.collect()
    assert not heard


REFUSED: dict[str, tuple[str, str | bytes, str]] = {
    "two fields of text": (
        "a.jsonl", lines({"id": "doc-0", "content": "a b"}),
        "got the text columns id, content in .*; name the one to read with --text-column NAME",
    ),
    "three": ("a.jsonl", lines({"pmid": "1", "date": "2020", "abstract": "a"}), "pmid, date, abstract .*--text-column"),
    "lists": ("a.jsonl", lines({"id": "x", "text": ["a"]}), "got list in line 1 .*--text-column"),
    "lists of JSON": ("a.json", json.dumps([{"text": {"en": "a"}}]), "got dict in record 1 of .*--text-column"),
    "a field twice": ("a.jsonl", '{"text": "a", "text": "b"}\n', "got the field 'text' twice in line 1"),
    "half a character": ("a.jsonl", '{"text": "a\\udcb2"}\n', "expected whole characters, got half of one"),
    "one value over lines": ("a.jsonl", '[\n"a",\n"b"]\n', "in line 1 of .*; name it .json if it is one value"),
    "cut off": ("a.jsonl", '{"text": "a"}\n{"text": "b', "got something else in line 2"),
    "keys of several lists": ("a.json", json.dumps({"a": [{"text": "x"}], "n": 1}), "got an object of a, n in"),
    "commas in a text": ("a.csv", "id,text\n1,a, b\n", "got 3 in line 2 of .*; quote a cell that holds a comma"),
    "commas in one text": ("a.csv", "id,text\n1,The cat\n2,It, sat\n", "got 3 in line 3"),
    "an open quote": ("a.csv", 'id,text\n1,"open\n2,b\n', "got one that does not close in the row at line 2"),
    "either": ("a.csv", "n;mean,text\n1;0,a\n2;0,b\n", "at commas or semicolons in .*; quote the cells"),
    "uneven semicolons": ("a.csv", "id;text\n1;a\n2;b;c\n", "got 'id;text' with semicolons .* of other lengths"),
    "Markdown": ("a.csv", "| n | text |\n|---|---|\n| 1 | a |\n", "got a table of Markdown in .*; save it as CSV"),
    "no header": ("a.csv", '1,"It is good."\n0,"It is not."\n', "expected the columns' names in the first row"),
    "Latin": ("a.csv", "text\ncaf\xe9 au lait\n".encode("latin-1"), "expected text in UTF-8, .* byte 8 .*save it as"),
    "sixteen bits without a mark": ("a.csv", "text\na\n".encode("utf-16-le"), "got a NUL byte in line 1"),
    "a spreadsheet": ("a.csv", b"PK\x03\x04\x14\0", "a zip archive or a spreadsheet; unpack it, save the sheet"),
    "bzip2": ("a.jsonl", bz2.compress(b"text"), "packed with bzip2"),
    "zstandard": ("a.jsonl", b"\x28\xb5\x2f\xfd\0\0", "packed with zstandard"),
    "parquet": ("a.csv", b"PAR1\x15\x04\x15", "which is parquet; name it .parquet"),
    "a pointer": ("a.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a git-lfs pointer; fetch"),
    "a page": ("a.jsonl", "<!DOCTYPE html>\n<html>\n", "which is a web page; download the file itself"),
    "a torn archive": ("a.txt.gz", gzipped(b"text " * 1000)[:-9], "packed with gzip, got .* cannot be unpacked"),
    "one column without a name": ("a.csv", "The cat sat\nThe dog ran\n", "got 'The cat sat', which reads like a text"),
    "a column without a name": ("a.csv", "n,It is good.\n1,It is not\n", "got 'It is good.', which reads like a text"),
    "ids": ("a.jsonl", lines({"id": "doc 1", "n": 1}), "got 'id' as the only .* has id, n.; name the one"),
    "links": ("a.csv", "n,page\n1,https://a.org/b\n", "got 'page' as the only one of strings"),
    "dates": ("a.json", json.dumps([{"n": 1, "when": "2020-01-01 10:00:00"}]), "names, links or times .*--text-column"),
    "days": ("a.csv", "n,when\n1,5 January 2020\n2,\"Jan 6, 2020\"\n", "got 'when' as the only one of strings"),
    "backslashes": ("a.csv", table(",", *ROWS, doublequote=False, escapechar="\\"), "behind a backslash in line 4"),
    "backslashes inside quotes": (
        "a.csv", table(",", *ROWS, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL), "expected quotes around",
    ),
    "nothing": ("a.csv", "", "got no column of text in"),
    "a long number": (
        "a.jsonl", '{"text": "a", "n": ' + "9" * 5000 + "}\n", "got a whole number with more digits than Python reads",
    ),
    "null alone": ("a.jsonl", lines({"text": None}), "expected sequences in the corpus 'a', got no line of"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_told_is_a_sentence(what: str, tmp_path: Path) -> None:
    name, content, sentence = REFUSED[what]
    with pytest.raises(GeoscopeError, match=sentence):
        read(written(tmp_path / name, content))


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.subjects.tables.encodings.UNPACKED_BYTES", 1 << 16)
    path = written(tmp_path / "a.txt.gz", gzipped(b"\n" * (8 << 20)))
    with pytest.raises(GeoscopeError, match="unpacks to more than 100 times its size"):
        list(read_lines(path, "a corpus"))


def test_a_column_is_chosen_by_name(tmp_path: Path) -> None:
    records = [{"title": f"t{place}", "body": text} for place, text in enumerate(TEXTS)]
    frame = pd.DataFrame(records)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    written(tmp_path / "a.jsonl", lines(*records))
    written(tmp_path / "a.json", json.dumps(records))
    for path in sorted(tmp_path.iterdir()):
        assert read(path, "body").sequences == TEXTS
        assert read(path, "absent", "title").sequences == ("t0", "t1", "t2")
        assert not read(path, "body").warnings
        with pytest.raises(
            GeoscopeError, match=r"expected one column of --text-column no in .*, got the columns title"
        ):
            read(path, "no")
        with pytest.raises(GeoscopeError, match="got both title and body"):
            read(path, "title", "body")
    check_specs(["ptb", str(tmp_path / "a.csv")], ["body"])
    with pytest.raises(GeoscopeError, match="expected --text-column with a corpus that has columns, got sample"):
        check_specs(["sample"], ["body"])
    with pytest.warns(UserWarning, match="has 3 sequences"):
        report = geoscope.measure(
            "demo", corpora=[str(tmp_path / "a.csv")], text_columns="body", measures=["isoscore"], errors=False
        )
    assert report.sample.corpora[0].fingerprint == fingerprint(TEXTS)


def test_what_was_chosen_and_left_out_is_said(tmp_path: Path) -> None:
    cells = ("a b", None, " ", float("nan"))
    path = written(tmp_path / "a.jsonl", lines(*({"id": 1, "content": cell} for cell in cells)))
    corpus = read(path)
    assert corpus.sequences == ("a b",)
    assert corpus.warnings == (
        f"The text of {path} is read from its column 'content', the only one of text.",
        f"Of the 4 lines of {path}, 2 null and 1 blank are no sequence.",
    )
    assert draw([corpus], 1, 0).warnings == corpus.warnings
    single = read(written(tmp_path / "b.csv", 'text\na\n""\nb\n'))
    assert single.sequences == ("a", "b")
    assert single.warnings == (f"Of the 3 lines of {tmp_path / 'b.csv'}, 1 blank is no sequence.",)


def test_bare_quotes_of_a_tsv_are_text_and_said(tmp_path: Path) -> None:
    corpus = read(written(tmp_path / "a.tsv", 'id\ttext\n1\t"Go!" she said\n2\t"Quoted."\n'))
    assert corpus.sequences == ('"Go!" she said', '"Quoted."')
    assert "begins and ends with a quote" in corpus.warnings[0]
    spread = read(written(tmp_path / "b.tsv", 'id\ttext\n1\t"two\nlines"\n2\t"a\ttab"\n3\tplain\n'))
    assert spread.sequences == ("two\nlines", "a\ttab", "plain")
    assert not spread.warnings


def test_many_sequences_are_read_again_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"line {place} of many" for place in range(500)]
    paths = [
        written(tmp_path / "a.txt", "\n".join(f" {text}\n" for text in texts)),
        written(tmp_path / "a.jsonl", lines(*({"text": text} for text in texts))),
        written(tmp_path / "a.csv", table(",", ("text",), *((text,) for text in texts))),
    ]
    whole = [draw([read(path)], 50, 3) for path in paths]
    monkeypatch.setattr(sequences, "_HELD_BYTES", 1000)
    for path, expected in zip(paths, whole, strict=True):
        corpus = read(path)
        assert isinstance(corpus.sequences, sequences.Reread)
        assert len(corpus.sequences) == 500
        assert corpus.sequences[-1] == texts[-1]
        assert corpus.sequences[3:6] == tuple(texts[3:6])
        assert draw([corpus], 50, 3).texts == expected.texts
        assert draw([corpus], 50, 3).corpora == expected.corpora
    paths[0].write_text("other\n" * 500)
    held = read(paths[1])
    paths[1].write_text(lines(*({"text": text + "!"} for text in texts)))
    with pytest.raises(GeoscopeError, match="expected a corpus that stays as it is while it is read"):
        draw([held], 50, 3)


@pytest.fixture
def _fresh_pipe() -> None:
    pipes.spooled.cache_clear()


class Input(io.TextIOWrapper):
    """Standard input with something in it."""

    def __init__(self, content: bytes, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content))
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.usefixtures("_fresh_pipe")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\n".join(TEXTS).encode(), TEXTS),
        (lines(*RECORDS).encode(), TEXTS),
        (gzipped(lines(*RECORDS).encode()), TEXTS),
        (b'"Quoted."\n{not JSON}\n', ('"Quoted."', "{not JSON}")),
        (json.dumps(RECORDS).encode(), TEXTS),
        (json.dumps(TEXTS).encode(), TEXTS),
        (json.dumps(RECORDS, indent=2).encode(), TEXTS),
        (json.dumps({"text": TEXTS}, indent=2).encode(), TEXTS),
        (lines(*TEXTS).encode(), TEXTS),
        (b"[1] A note.\n[2] Another.\n", ("[1] A note.", "[2] Another.")),
        (b"[1]\n[2]\n", ("[1]", "[2]")),
    ],
)
def test_standard_input_is_lines_or_records(
    content: bytes, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Input(content))
    for spec in ("-", "mine=-"):  # a second asking is answered from what was kept
        assert load_corpus(spec).sequences == expected
    assert (load_corpus("-").name, load_corpus("mine=-").name) == ("stdin", "mine")


@pytest.mark.usefixtures("_fresh_pipe")
def test_a_terminal_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Input(b"", terminal=True))
    with pytest.raises(GeoscopeError, match="expected text on standard input, got a terminal; pipe it in"):
        load_corpus("-")


def test_a_data_set_of_the_hub_is_a_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import Dataset, DatasetDict

    asked = []

    def load_dataset(*arguments: str | None) -> Any:
        asked.append(arguments)
        rows = {"title": ["a", "b", "c", "d d"], "text": [*TEXTS, None], "stars": [1, 2, 3, 4]}
        whole = Dataset.from_dict(rows)
        return DatasetDict(
            {"train": whole, "test": whole.remove_columns(["text"]), "tags": whole.remove_columns("text")}
        )

    monkeypatch.setattr(hub, "load_dataset", load_dataset)
    corpus = load_corpus("org/name:train:text")
    assert (corpus.name, corpus.sequences) == ("org/name:train:text", TEXTS)
    assert corpus.warnings == ("Of the 4 rows of org/name:train, 1 null is no sequence.",)
    assert load_corpus("org/name:train").sequences == TEXTS
    assert load_corpus("mine=org/name/small:test").sequences == ("a", "b", "c", "d d")
    assert load_corpus("org/name:train", text_columns=["title"]).sequences == ("a", "b", "c", "d d")
    assert asked[2] == ("org/name", "small", None)
    for spec, sentence in (
        ("org/name:dev", "expected a split of org/name among train, test, tags, got 'dev'"),
        ("org/name:train:body", "expected one column of --text-column body in org/name:train, got the columns title"),
    ):
        with pytest.raises(GeoscopeError, match=sentence):
            load_corpus(spec)
    with pytest.raises(GeoscopeError, match="which has no splits"):
        load_corpus("org/name:train", splits=["test"])


def test_a_cached_data_set_is_read_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    from huggingface_hub import constants

    pq.write_table(pa.table({"title": ["t"] * 3, "text": pa.array(TEXTS)}), tmp_path / "train.parquet")
    made = datasets.load_dataset(
        "parquet", data_files={"train": str(tmp_path / "train.parquet")}, cache_dir=str(tmp_path / "made")
    )
    folder = tmp_path / "cache" / "org___name" / "default" / "0.0.0" / ("a" * 40)
    folder.mkdir(parents=True)
    for path in Path(made["train"].cache_files[0]["filename"]).parent.iterdir():
        (folder / path.name.replace("parquet-", "name-")).write_bytes(path.read_bytes())
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load_corpus("org/name:train").sequences == TEXTS


def test_a_data_set_out_of_reach_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(GeoscopeError, match=r"'no/such' on the hub or in the cache, got neither: .*offline"):
        load_corpus("no/such:train:text")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
CELLS = st.one_of(WORDS, WORDS, st.none())


def _written_by_datasets(frame: pd.DataFrame, path: Path) -> None:
    from datasets import Dataset

    rows = Dataset.from_pandas(frame, preserve_index=False)
    getattr(rows, {".jsonl": "to_json", ".csv": "to_csv", ".parquet": "to_parquet"}[path.suffix])(str(path))


def _written_by_polars(frame: pd.DataFrame, path: Path) -> None:
    polars = pytest.importorskip("polars")
    rows = polars.DataFrame({"n": list(frame["n"]), "text": list(frame["text"])}, schema={"n": int, "text": str})
    getattr(rows, {".jsonl": "write_ndjson", ".csv": "write_csv", ".parquet": "write_parquet"}[path.suffix])(str(path))


def _written_by_csv(frame: pd.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("n", "text"), *frame.itertuples(index=False)])


WRITERS: dict[str, tuple[str, Callable[[pd.DataFrame, Path], Any]]] = {
    "csv": (".csv", _written_by_csv),
    "pandas csv": (".csv", lambda frame, path: frame.to_csv(path, index=False)),
    "pandas csv with its index": (".csv.gz", lambda frame, path: frame.drop(columns="n").to_csv(path)),
    "pandas jsonl": (".jsonl", lambda frame, path: frame.to_json(path, orient="records", lines=True)),
    "pandas json": (".json", lambda frame, path: frame.to_json(path)),
    "pandas parquet": (".parquet", lambda frame, path: frame.to_parquet(path)),
    "pyarrow parquet": (".parquet", lambda frame, path: pq.write_table(pa.Table.from_pandas(frame), path)),
    "datasets jsonl": (".jsonl", _written_by_datasets),
    "datasets csv": (".csv", _written_by_datasets),
    "datasets parquet": (".parquet", _written_by_datasets),
    "polars jsonl": (".jsonl", _written_by_polars),
    "polars csv": (".csv", _written_by_polars),
    "polars parquet": (".parquet", _written_by_polars),
}


@pytest.mark.parametrize("writer", WRITERS)
@settings(deadline=None, max_examples=15)
@given(st.lists(CELLS, min_size=1, max_size=6))
def test_what_others_write_is_read_back(
    writer: str, tmp_path_factory: pytest.TempPathFactory, cells: list[str | None]
) -> None:
    suffix, write = WRITERS[writer]
    path = tmp_path_factory.mktemp("table") / f"a{suffix}"
    write(pd.DataFrame({"n": range(len(cells)), "text": pd.Series(cells, dtype=object)}), path)
    expected = tuple(cell.strip() for cell in cells if cell is not None and cell.strip())
    if not expected:
        with pytest.raises(GeoscopeError, match="expected sequences in the corpus"):
            read(path)
        return
    corpus = read(path)
    assert corpus.sequences == expected
    out = len(cells) - len(expected)
    said = [int(word) for note in corpus.warnings for word in note.split(", ")[-1].split() if word.isdigit()]
    assert sum(said) == out


def labelled(path: Path, content: str, *columns: str) -> Labelled:
    path.write_text(content, encoding="utf-8")
    return read_labelled(path, columns)


PAIRS = {
    "QNLI": ("index\tquestion\tsentence\tlabel", "0\tWho?\tHe.\tentailment", ("Who?", "He.")),
    "SNLI": (
        "index\tcaptionID\tpairID\tsentence1\tsentence2\tgold_label",
        "0\tc\tp\tA man.\tA boy.\tneutral", ("A man.", "A boy."),
    ),
    "MRPC": ("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", "1\t7\t8\tone\ttwo", ("one", "two")),
    "QQP": ("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "0\t1\t2\tWhy?\tHow?\t1", ("Why?", "How?")),
    "XNLI": ("premise\thypothesis\tlabel", "a\tb\t1", ("a", "b")),
    "SICK": ("pair_ID\tsentence_A\tsentence_B\trelatedness_score", "1\ta\tb\t4.5", ("a", "b")),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_two_texts_are_found_by_their_names(name: str, tmp_path: Path) -> None:
    header, row, texts = PAIRS[name]
    found = labelled(tmp_path / "a.tsv", f"{header}\n{row}\n")
    assert found.texts == (texts,)
    assert found.notes == ()


def test_no_column_is_dropped_unsaid(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    found = labelled(path, "title,text,stars,label\nt,a,5,0\nu,b,4,1\n")
    assert found.texts == (("a",), ("b",))
    assert found.notes == (
        f"Of {path}, 'text' and the label 'label' are read, 'title', 'stars' not; --text-column names other texts.",
    )
    assert labelled(path, "title,text,label\nt,a,0\nu,b,1\n", "title", "text").texts == (("t", "a"), ("u", "b"))
    for header, got in (
        ("headline,body,label", "the text columns headline, body"),
        ("text,sentence,label", "the text columns text, sentence"),
        ("question,sentence,text,label", "the text columns question, sentence, text"),
        ("sentence1,comment,label", "the text columns sentence1, comment"),
    ):
        row = ",".join("ab1"[: header.count(",")] + "0")
        with pytest.raises(GeoscopeError, match=f"got {got} in .*--text-column NAME .twice for two texts."):
            labelled(path, f"{header}\n{row}\n" if header.count(",") < 3 else f"{header}\na,b,c,0\n")
    with pytest.raises(GeoscopeError, match=r"to name one or two columns of .*, got body; it has text, label"):
        labelled(path, "text,label\na,0\n", "body")


def test_rows_without_a_label_or_a_text_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    found = labelled(path, "text,label\na,pos\nb,pos \nc, neg\nd,\ne,nan\n ,neg\n")
    assert (found.labels, len(found.texts)) == (("pos", "pos", "neg"), 3)
    assert found.notes == (f"Of the 6 rows of {path}, 2 without a label and 1 without a text are left out.",)
    pq.write_table(pa.table({"text": ["a", None, "c"], "label": [0, 1, None]}), tmp_path / "a.parquet")
    assert read_labelled(tmp_path / "a.parquet").labels == (0,)
    pair = {"sentence1": "a", "sentence2": "b"}
    snli = labelled(tmp_path / "a.jsonl", lines(*(pair | {"gold_label": label} for label in ("-", "neutral"))))
    assert snli.labels == ("neutral",)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["0", "1", "-1", "0", "1"], ("0", "1")),
        (["-1", "1", "-1", "1"], ("-1", "1")),
        (["-2", "-1", "0", "1", "2"], ("-2", "-1", "0", "1", "2")),
        (["a", "b", "-1", "a", "b"], ("a", "b")),
    ],
)
def test_minus_one_is_no_class_beside_others(labels: list[str], classes: tuple[str, ...], tmp_path: Path) -> None:
    rows = table(",", ("text", "label"), *((f"t{i}", label) for i, label in enumerate(labels)))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        task = tasks.load(str(written(tmp_path / "a.csv", rows)))
    assert task.classes == classes
    said = [str(each.message) for each in heard if "the label -1" in str(each.message)]
    assert len(said) == ("-1" in labels and "-1" not in classes)


def test_a_class_of_one_example_is_warned_of(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,label\na,x\nb,x\nc,y\nd,y\ne,z\n")
    with pytest.warns(UserWarning, match="1 of the 3 classes of .* has one example .'z'.; it is trained on or"):
        tasks.load(str(path))


def test_a_folder_may_mix_kinds_of_files(tmp_path: Path) -> None:
    rows = [("text", "label"), ("a", 0), ("b", 1), ("c", -1)]
    written(tmp_path / "train.csv.gz", gzipped(table(";", *rows).encode()))
    written(tmp_path / "dev.jsonl", lines({"text": "d", "label": 1}, {"text": "e", "label": 0}))
    with pytest.warns(UserWarning, match="semicolons between its columns") as heard:
        task = tasks.load(str(tmp_path))
    assert (task.train.texts, task.evaluation.texts) == ((("a",), ("b",)), (("d",), ("e",)))
    assert any("the label -1" in str(each.message) for each in heard)
    written(tmp_path / "dev.jsonl", lines({"premise": "d", "hypothesis": "f", "label": 1}))
    with pytest.raises(GeoscopeError, match="expected as many texts an example in every file"):
        tasks.load(str(tmp_path))


def test_a_link_is_no_text_of_a_task(tmp_path: Path) -> None:
    with pytest.raises(GeoscopeError, match=r"got 'url' as the only one of strings, .*; name those to read with"):
        labelled(tmp_path / "a.csv", "url,label\nhttps://a.org,1\nhttps://b.org,0\n")


def test_quotes_behind_a_backslash_are_text_where_they_are_written_twice(tmp_path: Path) -> None:
    text = 'K\\"onig, "C:\\"'
    assert read(written(tmp_path / "a.csv", table(",", ("n", "text"), (1, text)))).sequences == (text,)


def test_labels_that_are_lists_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeoscopeError, match="expected a name or a number as label, got list in line 1"):
        labelled(tmp_path / "a.jsonl", lines({"text": "a", "label": [0, 2]}))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["NULL", "0", "NA", "1", "<NA>", "None", "?", "none", "n/a"], ("0", "1")),
        (["\u200bpos", "pos\u200b", "neg", "neg"], ("neg", "pos")),
        (["1", "01", "1", "01"], ("01", "1")),
        (["10", "1_0", "10", "1_0"], ("10", "1_0")),
        ([2**53, 2**53 + 1] * 2, (str(2**53), str(2**53 + 1))),
        (["1", "1.0", "0", "0.0"], ("0", "1")),
    ],
)
def test_labels_that_differ_stay_apart(labels: list[object], classes: tuple[str, ...], tmp_path: Path) -> None:
    rows = table(",", ("text", "label"), *((f"t{i}", label) for i, label in enumerate(labels)))
    assert labelled(tmp_path / "a.csv", rows).coded(tmp_path)[0] == classes


@pytest.mark.parametrize("label", ["inf", "1e400", "-Infinity", float("inf"), 10**400, "\ud800"])
def test_labels_that_are_none_are_refused(label: object, tmp_path: Path) -> None:
    with pytest.raises(GeoscopeError, match=r"expected (a name or a finite number|whole characters).* in line 1"):
        labelled(tmp_path / "a.jsonl", lines({"text": "a", "label": label}))


def test_doubtful_labels_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for labels, said in (
        (("Pos", "pos", "neg"), "The classes 'Pos' and 'pos' of .* differ in case alone"),
        (("0", "1", "1.5"), r"taken as numbers to predict \(a regression\) .* as 1.5 has a fraction"),
        (("a", "b", "None"), "None as a label of .* is none; write another name if it is a class"),
    ):
        path.write_text(table(",", ("text", "label"), *((f"t{i}", each) for i, each in enumerate(labels * 2))))
        with pytest.warns(UserWarning, match=said):
            tasks.load(str(path))
    mixed = labelled(tmp_path / "a.jsonl", lines({"text": "a", "label": True}, {"text": "b", "label": 1}))
    with pytest.raises(GeoscopeError, match="expected labels of one kind, got true or false and numbers in"):
        mixed.coded(path)
    with pytest.raises(GeoscopeError, match="got label, which is the label; name another"):
        read_labelled(path, ["label"])

"""The one reader of tables, and what corpora, labels and scores make of files that are not quite tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoscope.correlations.score_files.scores import read_scores
from geoscope.errors import GeoscopeError
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.tables.table_files import read_table
from geoscope.subjects.texts.corpora import load_corpus
from geoscope.tasks.labelled_files import read_labelled
from geoscope.tasks.text_task_files import load_task

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def corpus(path: Path) -> tuple[str, ...]:
    return load_corpus(str(path)).sequences


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_what_csv_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("table") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("one", "two"), *rows])
    table = read_table(path, "a table")
    assert table.columns == ("one", "two")
    assert list(table.rows(0, 1)) == rows


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_is_the_same_table(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    texts, numbers = ["one, two", "three"], [1, 2]
    if suffix == ".parquet":
        pq.write_table(pa.table({"n": numbers, "text": texts}), path)
    elif suffix == ".jsonl":
        path.write_text("\n".join(json.dumps({"n": n, "text": t}) for n, t in zip(numbers, texts, strict=True)))
    else:
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter="," if suffix == ".csv" else "\t").writerows(
                [("n", "text"), *zip(numbers, texts, strict=True)]
            )
    table = read_table(path, "a table")
    assert (table.columns, len(table), list(table.cells(1))) == (("n", "text"), 2, texts)
    assert [table.holds_text(place) for place in (0, 1)] == [False, True]
    assert (table.place("absent", "text"), table.place("absent")) == (1, None)
    assert (
        table.where(1)
        == {".csv": "line 3", ".tsv": "line 3"}.get(suffix, f"{'row' if suffix == '.parquet' else 'line'} 2")
        + f" of {path}"
    )
    assert [int(row["n"]) for row in table.mappings()] == numbers


def test_a_row_is_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\nn,text\n1,"two\nlines"\n\n2,b\n')
    table = read_table(path, "a table")
    assert [table.where(row) for row in (0, 1)] == [f"line 3 of {path}", f"line 6 of {path}"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "n,text\n1,The cat, sat\n",
            "expected 2 cells in a row, got 3 in line 2 of .*; quote a cell that holds a comma",
        ),
        ("text\nThe cat, sat\n", "expected 1 cell in a row, got 2 in line 2"),
        ("n,text\n1,a\n2\n", "expected 2 cells in a row, got 1 in line 3 of .*; mend the row"),
        ("n;text\n1;a\n2;b;c\n", "expected commas between the columns, got 'n;text' with semicolons .* rows of other"),
        ("n;a,text\n1;0,x\n", "expected one delimiter, got .* at commas or semicolons in"),
        ('n,text\n1,"open\n2,b\n', "got one that does not close in the row at line 2"),
        ('n,text\n1,a\n2,"open\n3,"b"\n', "got text behind one that closes in the row at line 3"),
        ("text,text\na,b\n", "expected each column once, got text twice in"),
        ("n,text\n1,a\0b\n", "expected text, got a NUL byte in line 2"),
        (b"n,text\n1,caf\xe9\n", "expected text in UTF-8, got something else at byte 12"),
        (b"\xef\xbb\xbfn,text\n1,caf\xe9\n", "expected text in UTF-8, got something else at byte 15"),
        (b"\xff\xfen\0,\0t", "expected text in UTF-16-LE, got something else at byte 6"),
    ],
)
def test_a_csv_that_is_no_table_is_refused(content: str | bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(GeoscopeError, match=sentence):
        corpus(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding: str, tmp_path: Path) -> None:
    for name, content in (("a.csv", "n,text\n1,café\n"), ("a.txt", "café\r\n"), ("a.jsonl", '"café"\n')):
        (tmp_path / name).write_bytes(content.encode(encoding))
        assert corpus(tmp_path / name) == ("café",)


def test_long_cells_blank_lines_and_an_unnamed_index_are_read(tmp_path: Path) -> None:
    path, limit = tmp_path / "a.csv", csv.field_size_limit()
    text = "word " * 40_000
    path.write_text(f'\n,text\n\n0,"{text}"\n  \n1,b\n')
    assert corpus(path) == (text.strip(), "b")
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['{"id": "doc-0", "content": "a b"}'], "got the text columns id, content in"),
        (['{"id": "x", "text": "a"}', '{"id": "y"}'], "expected the field 'text' in every record, got none in line 2"),
        (['{"id": "x", "text": ["a"]}'], "expected a text in every row, got list in line 1"),
        (['{"text": "a"}', "", '{"text": "a\\ud800"}'], r"got half of one \('\\ud800'\) in line 3"),
        (["[1]"], "expected a string or an object in every line, got list in line 1"),
        (["[" * 100_000], "expected a record of JSON in every line, got something else in line 1"),
    ],
)
def test_records_without_a_text_are_refused(lines: Sequence[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with pytest.raises(GeoscopeError, match=told):
        corpus(tmp_path / "a.jsonl")


def test_null_is_no_sequence(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "x", "text": null}\n{"id": "y", "text": "yes"}')
    pq.write_table(pa.table({"id": ["x", "y"], "text": [None, "yes"]}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        assert corpus(tmp_path / name) == ("yes",)


def test_parquet_columns_that_cannot_be_told_apart_or_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [["a", "b"]], "id": ["x"]}), path)
    with pytest.raises(GeoscopeError, match="expected a text in every row, got list in row 1"):
        corpus(path)
    pq.write_table(pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["text", "text"]), path)
    with pytest.raises(GeoscopeError, match="got text twice"):
        corpus(path)
    numbers = pa.array([1.0, 2.0])
    pq.write_table(pa.Table.from_arrays([numbers, numbers], names=["a", "a"]), path)
    with pytest.raises(GeoscopeError, match="got a twice"):
        open_embeddings(path)
    pq.write_table(pa.table({"v": [[1.0], [2.0]], "g": [["a"], ["b"]]}), path)
    with pytest.raises(GeoscopeError, match="expected integers or strings in the column 'g'"):
        open_embeddings(path, groups="g")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "text,label\nThe cat, sat,1\nb,0\n", "expected 2 cells in a row, got 3 in line 2"),
        ("a.csv", 'text,label\n"a,1\nb,0\n', "got one that does not close in the row at line 2"),
        ("a.tsv", "text\tlabel\na\tb\t1\n", "expected 2 cells in a row, got 3 in line 2 of .*; mend the row"),
        ("a.tsv", "text,label\na,b,1\n", "expected tabs between the columns, got 'text,label' with commas"),
        ("a.csv", "text,label,label\na,1,2\n", "got label twice"),
    ],
)
def test_labels_are_never_beside_another_text(name: str, content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(GeoscopeError, match=sentence):
        read_labelled(tmp_path / name)


def test_labels_are_read_without_the_spaces_around_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text, label\na,pos\nb,pos \nc, neg\n")
    assert read_labelled(tmp_path / "a.csv").labels == ("pos", "pos", "neg")


def test_glue_files_have_bare_quotes_and_counted_cells(tmp_path: Path) -> None:
    file = tmp_path / "train.tsv"
    file.write_text('index\tsentence1\tsentence2\tlabel\n0\t"a\tb"\tentailment\n1\tc\td "e\tnot_entailment\n')
    assert load_task(f"rte={tmp_path}").splits["train"].texts == (('"a', 'b"'), ("c", 'd "e'))
    file.write_text("index\tsentence1\tsentence2\tlabel\n0\ta\tb\tc\tentailment\n")
    with pytest.raises(GeoscopeError, match="expected 4 cells in a row, got 5 in line 2"):
        load_task(f"rte={tmp_path}")
    file.write_text("g\tf\ty\t1\t2.5\ta\tb\tsource\tof it\ng\tf\ty\t1\t5\tc\td\n")  # STS-B's own, without a header
    assert load_task(f"stsb={tmp_path}").splits["train"].labels == (2.5, 5.0)
    file.write_text("g\tf\ty\t1\t2.5\ta\n")
    with pytest.raises(
        GeoscopeError, match=r"expected at least 7 cells in a row, got 6 in line 1 .* sentence1, sentence2"
    ):
        load_task(f"stsb={tmp_path}")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", 'subject,score\n"a,1\nb,0\n', "got one that does not close in the row at line 2"),
        ("a.csv", "subject,score\na,1\nb\n", "expected 2 cells in a row, got 1 in line 3"),
        ("a.csv", "subject,score\na,1\n\nb,good\n", "expected a number as score, got 'good' in line 4"),
        ("a.csv", "subject;score\na;1;2\n", "expected commas between the columns"),
        ("a.json", '[{"subject": "a", "score": %s}]' % ("9" * 6000), "expected JSON, got something else"),
    ],
)
def test_scores_are_in_their_columns_or_refused(name: str, content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(GeoscopeError, match=sentence):
        read_scores(tmp_path / name)


@pytest.mark.parametrize("read", [corpus, read_labelled, read_scores])
def test_a_file_that_is_not_there_is_a_sentence(read: Callable[[Path], Any], tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(GeoscopeError, match=r"^expected "):
        read(tmp_path / "a.csv")

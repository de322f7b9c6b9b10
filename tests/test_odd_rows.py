"""Embeddings as people have them: every kind of file gives the rows that went in, or one sentence."""

from __future__ import annotations

import csv
import gzip
import json
import pickle
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

import geoscope
from geoscope.cli.app import main
from geoscope.errors import GeoscopeError
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.subjects.row_files import array_files

gzipped = partial(gzip.compress, mtime=0)  # the same bytes in every worker, which parameters must be

ROWS = np.random.default_rng(0).standard_normal((30, 4))
NAMES = [f"dim_{place}" for place in range(4)]
Write = Callable[[Path, Any], object]


def _frame(rows: Any) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[f"dim_{place}" for place in range(rows.shape[1])])


def _lists(rows: Any) -> pa.Table:
    kind = pa.list_(pa.from_numpy_dtype(rows.dtype))
    return pa.table({"id": [str(row) for row in range(len(rows))], "v": pa.array(list(rows), kind)})


def _tensors(rows: Any) -> pa.Table:
    return pa.table({"v": pa.FixedShapeTensorArray.from_numpy_ndarray(rows[:, None])})


def _records(path: Path, rows: Any) -> None:
    path.write_text("\n".join(json.dumps({"id": place, "v": row.tolist()}) for place, row in enumerate(rows)))


def _in_cells(path: Path, rows: Any) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([["text", "v"], *(['a "b",\nc', json.dumps(row.tolist())] for row in rows)])


def _arrow_stream(path: Path, rows: Any) -> None:
    table = _lists(rows)
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


def _parts(path: Path, rows: Any) -> None:
    path.mkdir()
    for place in range(3):
        _frame(rows[place::3]).to_parquet(path / f"part-{place}.parquet")


TYPED: dict[str, Write] = {
    "numpy.npy": np.save,
    "one.npy": lambda path, rows: np.save(path, rows[:, None]),
    "numpy.npz": lambda path, rows: np.savez_compressed(path, rows),
    "safe.safetensors": lambda path, rows: save_file({"v": rows}, path),
    "pandas.parquet": lambda path, rows: _frame(rows).to_parquet(path),
    "pandas.feather": lambda path, rows: _frame(rows).to_feather(path),
    "lists.parquet": lambda path, rows: pq.write_table(_lists(rows), path, row_group_size=3),
    "lists.feather": lambda path, rows: pf.write_feather(_lists(rows), str(path), chunksize=3),
    "tensors.parquet": lambda path, rows: pq.write_table(_tensors(rows), path),
    "stream.arrow": _arrow_stream,
}
TEXT: dict[str, Write] = {
    "indexed.csv": lambda path, rows: _frame(rows).to_csv(path),
    "counted.csv": lambda path, rows: pd.DataFrame(rows).to_csv(path),
    "named.csv": lambda path, rows: _frame(rows).to_csv(path, index=False),
    "tabs.tsv": lambda path, rows: _frame(rows).to_csv(path, index=False, sep="\t"),
    "decimal_commas.csv": lambda path, rows: _frame(rows).to_csv(path, index=False, sep=";", decimal=","),
    "packed.csv.gz": lambda path, rows: _frame(rows).to_csv(path, index=False),
    "utf16.csv": lambda path, rows: _frame(rows).to_csv(path, index=False, encoding="utf-16"),
    "returns.csv": lambda path, rows: path.write_text(_frame(rows).to_csv(index=False).replace("\n", "\r")),
    "cells.csv": _in_cells,
    "records.jsonl": _records,
    "bare.jsonl": lambda path, rows: path.write_text("\n".join(json.dumps(row.tolist()) for row in rows)),
    "wide.jsonl": lambda path, rows: path.write_text(
        "\n".join(json.dumps(dict(zip(NAMES, row.tolist(), strict=False))) for row in rows)
    ),
}


def _read(path: Path, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_embeddings(path, **options)


def _check(name: str, write: Write, rows: Any, dtype: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path, rows)
        embeddings = _read(path)
        streamed = np.concatenate([batch.rows[None] for batch in embeddings.batches()])
        assert embeddings.rows().dtype == dtype
        for read in (embeddings.rows(), streamed):
            assert read.astype(rows.dtype).tobytes() == rows.tobytes()


def _finite(dtype: Any, columns: int = 4) -> Any:
    width = np.dtype(dtype).itemsize * 8
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=width).map(lambda x: x + 0.0)
    return arrays(dtype, st.tuples(st.integers(2, 9), st.just(columns)), elements=numbers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_finite_numbers_come_back_to_the_bit(dtype: Any, data: st.DataObject) -> None:
    """Whoever wrote them; those in text are float64, which holds either."""
    rows = data.draw(_finite(dtype))
    for name, write in TYPED.items():
        _check(name, write, rows, dtype)
    for name, write in TEXT.items():
        _check(name, write, rows, np.float64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_datasets_saves_comes_back_to_the_bit(dtype: str, tmp_path: Path) -> None:
    import datasets

    rows = ROWS.astype(dtype)
    matrix = datasets.Features({"v": datasets.Array2D((1, 4), dtype), "text": datasets.Value("string")})
    held = datasets.Dataset.from_dict({"v": rows[:, None], "text": ["a"] * 30}, features=matrix)
    held.save_to_disk(tmp_path / "saved", num_shards=2)
    held.to_parquet(tmp_path / "saved.parquet")
    fixed = datasets.Features({"v": datasets.List(datasets.Value(dtype), length=4)})
    datasets.Dataset.from_dict({"v": rows}, features=fixed).save_to_disk(tmp_path / "fixed")
    for name in ("saved", "saved.parquet", "fixed"):
        read = _read(tmp_path / name).rows()
        assert read.dtype == rows.dtype
        assert (read == rows).all()
    datasets.DatasetDict({"train": held}).save_to_disk(tmp_path / "splits")
    with pytest.raises(GeoscopeError, match=r"expected one split .*, got all of train in .*name the folder of one"):
        _read(tmp_path / "splits")
    state = json.loads((tmp_path / "saved" / "state.json").read_text())
    state["_data_files"][0]["filename"] = "../saved.parquet"
    (tmp_path / "saved" / "state.json").write_text(json.dumps(state))
    with pytest.raises(GeoscopeError, match="save it again with save_to_disk"):
        _read(tmp_path / "saved")


def test_hdf5_comes_back_to_the_bit(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    for name, rows in (("a.h5", ROWS), ("b.hdf5", ROWS.astype(np.float32)[:, None])):
        with h5py.File(tmp_path / name, "w") as file:
            file["train/v"] = rows
            file["who"] = np.repeat([b"x", b"y"], 15)
        with pytest.raises(GeoscopeError, match=r"got train/v, who in .*; choose one with --column"):
            _read(tmp_path / name)
        read = _read(tmp_path / name, groups="who")
        assert (read.rows() == rows.reshape(30, 4)).all()
        assert read.index.sequences.tolist() == [0] * 15 + [1] * 15
    with pytest.raises(GeoscopeError, match=r"got the shape \(30,\)"):
        _read(tmp_path / "a.h5", column="who")


def test_hdf5_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(GeoscopeError, match=r"expected h5py to read a.h5, got none installed; .*geoscope\[hdf5\]"):
        _read(tmp_path / "a.h5")


def test_polars_comes_back_to_the_bit(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"id": ["a"] * 30, "v": pl.Series(ROWS)})
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ipc(tmp_path / "a.arrow", compression="lz4")
    frame.write_ndjson(tmp_path / "a.jsonl")
    pl.DataFrame(ROWS).write_csv(tmp_path / "a.csv")
    for name in ("a.parquet", "a.arrow", "a.jsonl", "a.csv"):
        assert (_read(tmp_path / name).rows() == ROWS).all()


def test_bfloat16_is_widened_as_torch_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import save_file as save_tensors

    monkeypatch.setattr(array_files, "BLOCK_BYTES", 100)
    tensor = torch.tensor(ROWS).bfloat16()
    save_tensors({"v": tensor}, tmp_path / "a.safetensors")
    embeddings = open_embeddings(tmp_path / "a.safetensors")
    assert (embeddings.rows() == tensor.float().numpy()).all()
    assert (np.concatenate([batch.rows[None] for batch in embeddings.batches()]) == tensor.float().numpy()).all()
    save_tensors({"v": tensor.to(torch.float8_e4m3fn)}, tmp_path / "b.safetensors")
    with pytest.raises(GeoscopeError, match="F8_E4M3"):
        open_embeddings(tmp_path / "b.safetensors")


def test_blocks_and_files_of_any_kind_give_the_same_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = None
    for block_bytes in (1, 100, 8 << 20):
        monkeypatch.setattr(array_files, "BLOCK_BYTES", block_bytes)
        for name, write in {**TYPED, **TEXT}.items():
            path = tmp_path / name
            if not path.exists():
                write(path, ROWS)
            wanted = wanted or _read(path).fingerprint
            assert _read(path).fingerprint == wanted


def _long_text(path: Path, cell: Any, rows: int = 2000) -> None:
    lines = [f"{cell(row)}," + ",".join(map(str, ROWS[row % 30])) for row in range(rows)]
    path.write_text("text," + ",".join(NAMES) + "\n" + "\n".join(lines) + "\n")


def test_quoted_lines_are_not_cut_where_blocks_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.subjects.row_files.csv_rows._AT_ONCE", 1 << 12)
    monkeypatch.setattr("geoscope.subjects.row_files.csv_heads._LOOKED_AT", 1 << 10)
    _long_text(tmp_path / "a.csv", lambda row: f'"line {row},\n\nand ""another"""')
    read = _read(tmp_path / "a.csv")
    assert (read.rows() == np.resize(ROWS, (2000, 4))).all()
    _long_text(tmp_path / "a.csv", lambda row: "x" if row != 1500 else "x,y")
    with pytest.raises(GeoscopeError, match=r"expected 5 cells in a row, got 6 in row 1502 of .*; mend the row"):
        _read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("columns", "wanted", "said"),
    [
        ({"label": ROWS[:, 0]}, NAMES, "the column label of .* is left out: the row is dim_0 to dim_3"),
        ({"id": range(30), "score": ROWS[:, 0], "text": ["a"] * 30}, NAMES, "the columns id, score, text of"),
        ({"__index_level_0__": range(30), "Unnamed: 0": range(30)}, NAMES, None),
    ],
)
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".feather"])
def test_columns_of_one_kind_of_name_are_the_row(
    columns: dict[str, Any], wanted: list[str], said: str | None, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    frame = pd.DataFrame(columns).join(_frame(ROWS))
    frame.to_csv(path, index=False) if suffix == ".csv" else getattr(frame, f"to_{suffix[1:]}")(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert (open_embeddings(path).rows() == ROWS).all()
    told = [str(each.message) for each in caught if each.category is UserWarning]
    assert len(told) == (said is not None)
    if said is not None:
        with pytest.warns(UserWarning, match=said):
            open_embeddings(path)


def _put(path: Path, content: Any) -> None:
    if isinstance(content, pa.Table):
        pq.write_table(content, path)
    elif callable(content):
        content(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _refused(folder: Path, name: str, content: Any, **options: Any) -> str:
    path = folder / name
    _put(path, content)
    with pytest.raises(GeoscopeError) as refusal:
        _read(path, **options)
    return str(refusal.value)


PICKLE = pickle.dumps({"v": [1.0, 2.0]})
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html><html><head><title>Sign in</title></head></html>"


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".parquet", ".feather", ".csv", ".jsonl", ".h5"])
@pytest.mark.parametrize(
    ("head", "what"), [(POINTER, "a git-lfs pointer"), (PAGE, "a web page"), (PICKLE, "a pickle, which can run code")]
)
def test_what_is_not_what_it_is_called_is_said(suffix: str, head: bytes, what: str, tmp_path: Path) -> None:
    told = _refused(tmp_path, f"a{suffix}", head)
    assert f"expected embeddings as {suffix}, got {tmp_path}/a{suffix}, which is {what}" in told
    assert "it begins with b'" in told
    assert "allow" not in told


def test_nothing_is_unpickled_or_advised_to_be(tmp_path: Path) -> None:
    ragged = np.empty(2, dtype=object)
    ragged[:] = [[1.0], [1.0, 2.0]]
    for name, save in (("a.npy", np.save), ("a.npz", np.savez)):
        told = _refused(tmp_path, name, lambda path, save=save: save(path, ragged, allow_pickle=True))
        assert "which only a pickle would read; save one array of floats" in told
        assert "allow_pickle" not in told
    for name in ("a.pt", "a.pkl", "a.pth", "a.bin", "a.joblib"):
        (tmp_path / name).write_bytes(PICKLE)
        with pytest.raises(GeoscopeError, match=r"which only a pickle would read; save its rows as \.npy"):
            kind_of(tmp_path / name)


def test_packed_bits_are_refused(tmp_path: Path) -> None:
    bits = np.packbits(np.random.default_rng(0).standard_normal((200, 64)) > 0, axis=1)
    save = {"a.npy": bits, "signed.npy": (bits.astype(int) - 128).astype(np.int8), "wide.npy": bits.astype(np.int64)}
    for name, rows in save.items():
        told = _refused(tmp_path, name, lambda path, rows=rows: np.save(path, rows))
        assert "packed bits" in told
        assert "numpy.unpackbits" in told
    assert "packed bits" in _refused(tmp_path, "a.jsonl", lambda path: _records(path, bits))
    assert "packed bits" in _refused(tmp_path, "a.parquet", pa.table({"v": list(bits)}))
    scaled = np.clip(np.random.default_rng(0).standard_normal((200, 64)) * 35, -128, 127).astype(np.int8)
    np.save(tmp_path / "scaled.npy", scaled)
    assert (open_embeddings(tmp_path / "scaled.npy").rows() == scaled).all()
    with pytest.raises(GeoscopeError, match="packed bits"):
        geoscope.measure(bits)


WIDE = "text," + ",".join(NAMES) + "\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "text,label\nhello,1\nthere,0\n", "got the columns text (text), label (whole numbers) in"),
        ("a.csv", "text\nhello\n", "text is read by --corpus, with a checkpoint"),
        ("a.csv", WIDE, "at least one row, got none"),
        ("a.csv", "\n\n", "at least one row, got none"),
        ("a.csv", WIDE + "a,1.5,2,3,4\nb,1,x,3,4\n", "expected numbers in the column 'dim_1' of"),
        ("a.csv", WIDE + "a,1.5,2,3,4\nb,1,2,3\n", "expected 5 cells in a row, got 4 in row 3 of"),
        ("a.csv", "0.5,1.5,3\n0.25,0.125,1\n0.5,2.5,2\n", "whole numbers in column 3 of 3, as labels are"),
        ("a.csv", "x,y,score\n0.5,1.5,0.1\n", "expected one column of lists of numbers, or several columns of floats"),
        ("a.csv", "e_0,e_1,p_0,p_1\n0.5,1.5,0.1,0.2\n", "got e_0 to e_1 (2 columns), p_0 to p_1 (2 columns)"),
        ("a.csv", 'v\n"[0.1, 0.2]"\n"[0.1, 0.2"\n', "expected a list of numbers in JSON in every row"),
        ("a.csv", 'v\n"[0.1 0.2]"\n', "got the column v (text)"),
        ("a.jsonl", '{"a": [1.5], "b": [2.5]}', "got a, b in"),
        ("a.jsonl", '[{"v": [1.5]}, {"v": [2.5]}]', "got a list of them in line 1; write one a line"),
        ("a.jsonl", '{"v": [1.5, 2]}\n{"v": [1.5]}', "numbers in every row, as the first has, got 1 in line 2"),
        ("a.jsonl", '{"v": [1.5, 2]}\n{"w": [1.5]}', "expected the field 'v' in every record, got none in line 2"),
        ("a.jsonl", '{"v": [1.5, 2]}\n{"v": null}', "got NoneType in line 2"),
        ("a.jsonl", '{"v": [1.5, 2]}\n{"v": ["1", "2"]}', "got list in line 2"),
        ("a.jsonl", '{"v": [1.5, 2]}\n{"v": [1', "got something else in line 2"),
        ("a.jsonl", '{"text": "hello"}', "got the column text (text)"),
        ("a.jsonl", "", "got an empty file"),
        ("a.parquet", pa.table({"v": [[[1.0, 2.0], [3.0, 4.0]]]}), "expected one list of numbers in every row"),
        ("a.parquet", pa.table({"v": [["a"]], "n": [1]}), "v (list<element: string>)"),
        ("a.parquet", pa.table({"v": ["[1, 2]", "[1]"]}), "2 numbers in every row, as row 0 has, got 1 in row 1"),
        ("a.arrow", b"ARROW1\0\0junk", "expected embeddings in arrow"),
        ("a.csv.gz", gzipped(b"text\nhello\n")[:-12], "cannot be read"),
        ("a.jsonl.gz", gzipped(b"[1.5, 2]\n")[:10] + b"\xff" * 20, "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_embeddings_is_a_sentence(name: str, content: Any, sentence: str, tmp_path: Path) -> None:
    assert sentence in _refused(tmp_path, name, content)


def test_numbers_that_are_not_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    _long_text(path, lambda row: "x", 300)
    path.write_text(path.read_text() + "x,1.5,oops,2.5,3.5\n")
    with pytest.raises(GeoscopeError, match="expected numbers in the column 'dim_1', got 'oops' in row 302"):
        list(open_embeddings(path, column="dim_").batches())
    path.write_text("dim_0,dim_1\n0.5,1.5\n0.5,\n0.5,nan\n0.5,1e999\n")
    with pytest.raises(GeoscopeError, match="NaN or infinite values in 3 of its 4 rows"):
        list(open_embeddings(path).batches())


def test_a_column_is_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(ROWS), "b": list(ROWS + 1), "n": range(30)}), path)
    assert (open_embeddings(path, column="b").rows() == ROWS + 1).all()
    told = _refused(tmp_path, "b.parquet", pq.read_table(path), column="c")
    assert "expected --column to be a column of" in told
    assert "got 'c'; there are the columns a (list<element: double>), b" in told
    assert "got int64" in _refused(tmp_path, "b.parquet", pq.read_table(path), column="n")
    frame = _frame(ROWS).join(pd.DataFrame(ROWS + 1, columns=[f"pc{place}" for place in range(4)]))
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert (_read(tmp_path / "a.csv", column="pc").rows() == ROWS + 1).all()
    np.savez(tmp_path / "a.npz", a=ROWS, b=ROWS + 1, label=np.arange(30))
    assert (open_embeddings(tmp_path / "a.npz", column="b").rows() == ROWS + 1).all()
    np.savez(tmp_path / "words.npz", words=np.array(["a"] * 30, dtype=object), v=ROWS)
    assert (open_embeddings(tmp_path / "words.npz", column="v").rows() == ROWS).all()
    np.save(tmp_path / "a.npy", ROWS)
    for subject, words in ((tmp_path / "a.npy", "expected no --column"), (ROWS, "only with an"), ("demo", "only with")):
        with pytest.raises(GeoscopeError, match=words):
            geoscope.measure(subject, column="b")
    report = geoscope.measure(path, column="b", measures=["isoscore"])
    assert report.settings["column"] == "b"


def test_groups_are_read_beside_the_rows(tmp_path: Path) -> None:
    labels = [f"0{row // 10}" for row in range(30)]
    _frame(ROWS).assign(who=labels).to_csv(tmp_path / "a.csv")
    (tmp_path / "a.jsonl").write_text(
        "\n".join(json.dumps({"who": who, "v": row.tolist()}) for who, row in zip(labels, ROWS, strict=True))
    )
    _frame(ROWS).assign(who=labels).to_feather(tmp_path / "a.feather")
    for name in ("a.csv", "a.jsonl", "a.feather"):
        embeddings = _read(tmp_path / name, groups="who")
        assert (embeddings.rows() == ROWS).all()
        assert embeddings.index.sequences.tolist() == [row // 10 for row in range(30)]
    table = pa.table({"v": list(ROWS), "who": [["a"]] * 30})
    assert "expected integers or strings in the column 'who'" in _refused(tmp_path, "b.parquet", table, groups="who")
    twice = pa.Table.from_arrays([pa.array(ROWS[:, 0])] * 2 + [pa.array(labels)] * 2, names=["d0", "d1", "who", "who"])
    assert "got who twice" in _refused(tmp_path, "b.parquet", twice, groups="who")


def test_shards_are_one_matrix(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for place in range(11):
        _frame(ROWS[3 * place : 3 * place + 3] if place < 10 else ROWS[:0]).to_parquet(folder / f"p-{place}.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / "README.md").write_text("what these are")
    with pytest.warns(UserWarning, match=r"in the order of their numbers: p-2.parquet before p-10.parquet"):
        assert (open_embeddings(folder).rows() == ROWS).all()
    np.save(folder / "more.npy", ROWS)
    with pytest.raises(GeoscopeError, match=r"expected files of one kind in the folder .*, got .npy, .parquet"):
        _read(folder)
    (folder / "more.npy").unlink()
    _frame(ROWS[:, :3]).to_parquet(folder / "p-3.parquet")
    with pytest.raises(
        GeoscopeError, match=r"expected rows of one width, got 4 numbers in .*p-0.parquet and 3 in .*p-3"
    ):
        _read(folder)
    weights = tmp_path / "weights"
    weights.mkdir()
    save_file({"a": ROWS}, weights / "model-00001-of-00002.safetensors")
    with pytest.raises(GeoscopeError, match=r"which has neither config.json nor embeddings.json"):
        kind_of(weights)


@pytest.mark.parametrize("name", ["named.csv", "records.jsonl", "lists.feather", "parts"])
def test_the_command_reads_what_it_is_given(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    (_parts if name == "parts" else {**TYPED, **TEXT}[name])(path, ROWS)
    assert kind_of(path) is Kind.ROWS
    assert main(["measure", str(path), "--measures", "isoscore", "--format", "csv"]) == 0
    assert "isoscore" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["absent.csv", "absent.jsonl", "model.pt", "folder/"])
def test_the_subject_is_looked_at_first(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", f"{tmp_path}/{name}"]) == 2
    told = capsys.readouterr().err
    assert "ptb" not in told
    assert "check the path" in told


def test_text_given_as_embeddings_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("text\nhello\nthere\n")
    assert main(["measure", str(tmp_path / "a.csv")]) == 2
    assert "text is read by --corpus, with a checkpoint" in " ".join(capsys.readouterr().err.split())


def test_files_called_layers_are_layers(tmp_path: Path) -> None:
    for layer in (10, 9):
        np.save(tmp_path / f"layer-{layer:02d}.npy", ROWS + layer)
    embeddings = _read(tmp_path)
    assert embeddings.layers == (9, 10)
    assert (embeddings.rows(9) == ROWS + 9).all()
    np.save(tmp_path / "layer-11.npy", ROWS[:5])
    with pytest.raises(GeoscopeError, match="expected layers of as many rows each"):
        _read(tmp_path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".feather", ".jsonl"])
def test_shards_are_joined_by_name(suffix: str, tmp_path: Path) -> None:
    def write(frame: pd.DataFrame, name: str) -> None:
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".jsonl":
            frame.to_json(path, orient="records", lines=True, double_precision=15)
        else:
            frame.to_csv(path, index=False) if suffix == ".csv" else getattr(frame, f"to_{suffix[1:]}")(path)

    write(_frame(ROWS), "p-0")
    write(_frame(ROWS)[NAMES[::-1]], "p-1")
    read = _read(tmp_path).rows()
    assert np.allclose(read, np.concatenate([ROWS, ROWS]), rtol=0, atol=1e-14)
    write(_frame(ROWS).rename(columns={"dim_3": "dim_4"}), "p-1")
    with pytest.raises(GeoscopeError, match=r"columns of .*p-0\..* got no 'dim_3' but 'dim_4' in .*p-1"):
        _read(tmp_path)


def test_arrays_of_other_names_are_no_shards(tmp_path: Path) -> None:
    np.savez(tmp_path / "p-0.npz", embedding=ROWS)
    np.savez(tmp_path / "p-1.npz", logits=ROWS)
    with pytest.raises(GeoscopeError, match="got no 'embedding' but 'logits' in"):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["a.csv", "a.csv.gz"], "expected every part once in the folder .*, got a.csv and a.csv.gz"),
        (["0.csv", "more/1.csv"], "got .*more/1.csv too, and files in subfolders are not read"),
        (["e-00000-of-00004.csv", "e-00003-of-00004.csv"], "got none with the numbers 00001, 00002; copy"),
        (["proj.csv", "train.csv"], "names differ in a number alone, .* got proj.csv and train.csv in"),
    ],
)
def test_files_that_are_no_parts_of_one_are_refused(names: list[str], sentence: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        _frame(ROWS).to_csv(tmp_path / name, index=False)
    with pytest.raises(GeoscopeError, match=sentence):
        _read(tmp_path)


def test_parts_with_the_names_of_their_writes_are_shards(tmp_path: Path) -> None:
    for place, write in enumerate(("0123456789abcdef", "fedcba9876543210")):
        _frame(ROWS[place::2]).to_csv(tmp_path / f"train-0000{place}-of-00002-{write}.csv", index=False)
    assert (_read(tmp_path).rows() == np.concatenate([ROWS[::2], ROWS[1::2]])).all()


@pytest.mark.parametrize("chosen", [slice(4, None), slice(None, None, 2), slice(None, None, -1)])
@pytest.mark.parametrize("index", [True, False])
def test_numbers_that_name_columns_are_no_row(chosen: Any, index: bool, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((20, 10))
    frame = pd.DataFrame(rows).iloc[:, chosen]
    frame.to_csv(tmp_path / "a.csv", index=index)
    assert (_read(tmp_path / "a.csv").rows() == frame.to_numpy()).all()
    if not index:
        with pytest.warns(UserWarning, match="is read as names of the columns"):
            open_embeddings(tmp_path / "a.csv")


def test_names_are_told_from_whole_numbers_or_the_file_is_refused(tmp_path: Path) -> None:
    whole = pd.DataFrame(np.random.default_rng(0).integers(0, 9, (20, 10)))
    for start in (1, 100):
        whole.set_axis(range(start, start + 10), axis=1).to_csv(tmp_path / "a.csv", index=False)
        with pytest.raises(GeoscopeError, match=f"got {start}, .* above whole numbers, which may be either"):
            _read(tmp_path / "a.csv")
    whole.to_csv(tmp_path / "a.csv", index=False)
    assert (_read(tmp_path / "a.csv").rows() == whole.to_numpy()).all()
    (tmp_path / "a.csv").write_text("1,2,3\n4,4,4\n5,6,8\n")
    with pytest.warns(UserWarning, match="1, 2, 3, is read as a row, not as names"):
        assert open_embeddings(tmp_path / "a.csv").rows().tolist() == [[1, 2, 3], [4, 4, 4], [5, 6, 8]]


LABELS = [f"g{row // 10}" for row in range(30)]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("g.csv", "id,g\n" + "".join(f"{row},{label}\n" for row, label in enumerate(LABELS)), r"got 2 \(id, g\) in"),
        ("g.csv", "id;g\n" + "".join(f"{row};{label}\n" for row, label in enumerate(LABELS)), r"got 2 \(id, g\) in"),
        (
            "g.jsonl",
            '{"id": 1, "g": "a"}\n' * 30,
            "expected one field, the label, in every record, got g, id in line 1",
        ),
        ("g.jsonl", '1\n"1"\n' * 15, "labels of one kind, got int and str"),
        ("g.txt", "\n".join([*LABELS[:5], "", *LABELS[6:]]), "expected a label in every line, got none in line 6"),
        ("g.txt", "\n".join([*LABELS, "end"]), "one label per row, 30 in all, got 31"),
        ("g.txt", "\n".join(map(str, range(31))), "one label per row, 30 in all, got 31"),
    ],
)
def test_files_of_labels_that_are_none_are_refused(name: str, content: str, sentence: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS)
    (tmp_path / name).write_text(content)
    with pytest.raises(GeoscopeError, match=sentence):
        _read(tmp_path / "a.npy", groups=str(tmp_path / name))


def test_files_of_labels_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS)
    (tmp_path / "g.csv").write_text("\n".join(["g", *LABELS]))
    (tmp_path / "g.jsonl").write_text("\n".join(json.dumps({"g": label}) for label in LABELS))
    (tmp_path / "g.txt").write_text("\n".join(LABELS))
    pd.DataFrame({"g": LABELS}).to_parquet(tmp_path / "g.parquet")
    for groups in (*map(str, tmp_path.glob("g.*")), LABELS, np.array(LABELS)):
        assert _read(tmp_path / "a.npy", groups=groups).index.sequences.tolist() == [row // 10 for row in range(30)]
    pd.DataFrame({"g": LABELS, "h": LABELS}).to_parquet(tmp_path / "g.parquet")
    with pytest.raises(GeoscopeError, match=r"expected one column of labels, got g, h in .*g.parquet"):
        _read(tmp_path / "a.npy", groups=str(tmp_path / "g.parquet"))


def test_labels_that_differ_are_not_one(tmp_path: Path) -> None:
    labels = ["01", "1"] * 15
    _frame(ROWS).assign(who=labels).to_csv(tmp_path / "a.csv", index=False)
    assert _read(tmp_path / "a.csv", groups="who").index.sequences.tolist() == [0, 1] * 15
    (tmp_path / "g.txt").write_text("\n".join(labels))
    assert _read(tmp_path / "a.csv", groups=str(tmp_path / "g.txt")).index.sequences.tolist() == [0, 1] * 15
    for pair in ([2**63, 2**63 + 1], [2**63, -1], ["1", 1]):
        lines = [json.dumps({"who": pair[row % 2], "v": ROWS[row].tolist()}) for row in range(30)]
        (tmp_path / "a.jsonl").write_text("\n".join(lines))
        if isinstance(pair[0], str):
            with pytest.raises(GeoscopeError, match="labels of one kind, got int and str"):
                _read(tmp_path / "a.jsonl", groups="who")
        else:
            assert len(set(_read(tmp_path / "a.jsonl", groups="who").index.sequences)) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = _read(tmp_path / "a.jsonl", groups=np.array([1e19, 1e20] * 15))
    assert read.index.sequences.tolist() == [0, 1] * 15
    table = pa.table({"v": list(ROWS), "who": pa.array(["a", ""] * 15, pa.large_string())})
    assert "got 15 empty cells" in _refused(tmp_path, "a.parquet", table, groups="who")


def test_labels_are_taken_beside_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS)
    _frame(ROWS).to_parquet(tmp_path / "a.parquet")
    for name in ("a.npy", "a.parquet"):
        for groups in (np.arange(30) // 10, [1] * 15 + [2] * 15):
            geoscope.measure(tmp_path / name, groups=groups, measures=["isoscore"])
        with pytest.raises(GeoscopeError, match=r"one label (per|a) row"):
            geoscope.measure(tmp_path / name, groups=3, measures=["isoscore"])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", f"[{10**400}, 1.0]\n", "got a larger one in line 1 of"),
        ("a.csv", f'v\n"[{10**400}, 1.0]"\n', "got a larger one in row 1 of"),
        ("a.parquet", pa.table({"v": [f"[{10**400}, 1.0]"]}), "got a larger one in row 0 of"),
        ("a.feather", b"FEA1junk", "got version 1 in"),
        ("a.npy", b"\x93NUMPY\1\0junk", "write it again"),
    ],
)
def test_what_numpy_or_arrow_cannot_hold_is_a_sentence(name: str, content: Any, sentence: str, tmp_path: Path) -> None:
    _put(tmp_path / name, content)
    with pytest.raises(GeoscopeError) as refusal:
        _read(tmp_path / name).rows()
    assert sentence in str(refusal.value)


@pytest.mark.parametrize("name", ["", " ", "x" * 5000, "x" * 300 + "/y", "y/" * 3000])
def test_names_that_nothing_has_are_refused(name: str) -> None:
    with pytest.raises(GeoscopeError, match=r"got an empty name|longer than any name"):
        geoscope.measure(name)


def test_a_folder_of_folders_is_said(tmp_path: Path) -> None:
    (tmp_path / "d" / "split=train").mkdir(parents=True)
    _frame(ROWS).to_csv(tmp_path / "d" / "split=train" / "0.csv")
    with pytest.raises(GeoscopeError, match=r"files in subfolders alone, as .*split=train/0.csv, and those are not"):
        geoscope.measure(tmp_path / "d")


def test_a_field_of_a_whole_number_first_is_of_the_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1, "y": 0.5}\n{"x": 1.7, "y": 0.25}\n')
    assert _read(tmp_path / "a.jsonl").rows().tolist() == [[1, 0.5], [1.7, 0.25]]
    (tmp_path / "a.csv").write_text("a,b,c\n0.5,0,1.5\n0.5,4,1.5\n")
    with pytest.warns(UserWarning, match="the columns a, c of .* are read as the row, and b is left out"):
        open_embeddings(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"d0": 0.5, "d1": 1.5}\n{"d0": 0.5, "d1": 1.5, "d2": 2.5}\n', "got the number 'd2' too in line 2 of"),
        ('{"v": [0.5, 1.5], "v": [1.5, 2.5]}\n', "got the field 'v' twice in line 1 of"),
        ('{"input_ids": [5, 1]}\n', "got lists in 'input_ids' alone in"),
    ],
)
def test_records_that_are_no_rows_are_refused(content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(GeoscopeError, match=sentence):
        _read(tmp_path / "a.jsonl").rows()


def test_columns_left_out_beside_lists_are_said(tmp_path: Path) -> None:
    pq.write_table(pa.table({"bbox": list(ROWS), "dim_0": ROWS[:, 0], "dim_1": ROWS[:, 1]}), tmp_path / "a.parquet")
    with pytest.warns(UserWarning, match="the columns dim_0, dim_1 of .* are left out: the row is bbox"):
        open_embeddings(tmp_path / "a.parquet")


def test_a_first_row_of_thousands_of_digits_is_no_count(tmp_path):
    path = tmp_path / "rows.csv"
    rows = [[str(place + column / 2) for column in range(4)] for place in range(30)]
    path.write_text("\n".join(",".join(row) for row in [["1" + "9" * 5000, "2", "3", "4"], *rows]))
    with pytest.raises(GeoscopeError, match="finite"):
        geoscope.measure(path, measures=["isoscore"], errors=False)

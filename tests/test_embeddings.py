"""Embeddings from files and folders: the same rows from every format, streamed whole, and sentences for the rest."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from geoscope.errors import GeoscopeError
from geoscope.extracting import extract
from geoscope.rows import Batch, Layer, RowIndex
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.embeddings.embedding_folders import write_embeddings
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.embeddings.objects import object_embeddings
from geoscope.subjects.opening import embeddings_of
from geoscope.subjects.row_files import array_files
from geoscope.subjects.text_subjects import open_text_subject

ROWS = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
LABELS = np.repeat([5, 3, 9, 3, 1], 10)
FACTS: dict[str, Any] = {"subject": {"name": "made"}, "sample": {"rows": 6}, "settings": {"seed": 0}}


def gather(embeddings: Embeddings, layer: Layer = None) -> Any:
    rows = np.full(embeddings.rows(layer).shape, np.nan)
    for batch in embeddings.batches([layer]):
        assert np.isnan(rows[batch.offsets]).all()
        assert batch.rows[layer].flags.c_contiguous
        rows[batch.offsets] = batch.rows[layer]
    return rows


def _save(path: Path, rows: Any = ROWS) -> Path:
    if path.suffix == ".npy":
        np.save(path, rows)
    elif path.suffix == ".npz":
        np.savez_compressed(path, rows=rows, who=LABELS)
    elif path.suffix == ".safetensors":
        save_file({"rows": np.ascontiguousarray(rows), "who": LABELS}, path)
    elif path.name.startswith("wide"):
        columns = {f"e{i}": rows[:, i] for i in range(rows.shape[1])}
        pq.write_table(pa.table({"id": np.arange(len(rows)), "who": LABELS, **columns}), path, row_group_size=8)
    else:
        kind = pa.list_(pa.float32(), 7) if path.name.startswith("fixed") else pa.list_(pa.float32())
        pq.write_table(
            pa.table({"text": ["x"] * len(rows), "who": LABELS, "vector": pa.array(list(rows), kind)}),
            path,
            row_group_size=8,
        )
    return path


FORMATS = ["a.npy", "a.npz", "a.safetensors", "list.parquet", "fixed.parquet", "wide.parquet"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("block_bytes", [1, 200, 8 << 20])
def test_every_format_gives_the_same_rows(
    name: str, block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_files, "BLOCK_BYTES", block_bytes)
    groups = "who" if name != "a.npy" else str(_save(tmp_path / "who.npy", LABELS))
    embeddings = open_embeddings(_save(tmp_path / name), groups=groups)
    assert embeddings.layers == (None,)
    assert len(embeddings) == 50
    assert embeddings.hidden_size == 7
    assert embeddings.rows().dtype == np.float32
    assert (embeddings.rows() == ROWS).all()
    assert (gather(embeddings) == ROWS).all()
    assert embeddings.fingerprint == object_embeddings(ROWS).fingerprint


@pytest.mark.parametrize("name", FORMATS)
def test_groups_number_sequences_as_labels_sort(name: str, tmp_path: Path) -> None:
    groups = "who" if name != "a.npy" else str(_save(tmp_path / "who.npy", LABELS))
    index = open_embeddings(_save(tmp_path / name), groups=groups).index
    assert index.sequences.tolist() == np.repeat([2, 1, 3, 1, 0], 10).tolist()
    places = [range(10), range(10), range(10), range(10, 20), range(10)]
    assert index.positions.tolist() == [place for group in places for place in group]
    assert (index.token_ids == -1).all()


@pytest.mark.parametrize("text", ["{rows}", "label\n{rows}", "{rows}\n\n"])
def test_groups_from_a_text_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "who.csv"
    path.write_text(text.format(rows="\n".join(map(str, LABELS))))
    index = open_embeddings(_save(tmp_path / "a.npy"), groups=str(path)).index
    assert index.sequences.tolist() == np.repeat([2, 1, 3, 1, 0], 10).tolist()


def test_ungrouped_rows_are_sequences_of_their_own(tmp_path: Path) -> None:
    index = open_embeddings(_save(tmp_path / "a.npy")).index
    assert index.sequences.tolist() == list(range(50))
    assert not index.positions.any()


@pytest.mark.parametrize(
    ("stored", "read"),
    [("f2", "f4"), ("f4", "f4"), (">f4", "f4"), ("f8", "f8"), ("i1", "f4"), ("u2", "f4"), ("i4", "f8"), ("i8", "f8")],
)
def test_dtypes_are_read_without_loss(stored: str, read: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 100, (20, 3)).astype(stored)
    embeddings = open_embeddings(_save(tmp_path / "a.npy", rows))
    assert embeddings.rows().dtype == np.dtype(read)
    assert (gather(embeddings) == rows).all()


def test_fortran_order_and_slices_are_read_by_row(tmp_path: Path) -> None:
    assert (gather(open_embeddings(_save(tmp_path / "a.npy", np.asfortranarray(ROWS)))) == ROWS).all()
    assert (gather(object_embeddings(ROWS[::2, ::3])) == ROWS[::2, ::3]).all()


def test_npy_and_safetensors_are_mapped_not_read(tmp_path: Path) -> None:
    for name in ("a.npy", "b.safetensors"):
        path = tmp_path / name
        if path.suffix == ".npy":
            np.save(path, ROWS)
        else:
            save_file({"rows": ROWS}, path)
        assert isinstance(open_embeddings(path).rows(), np.memmap)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_several_arrays_must_be_layers(suffix: str, tmp_path: Path) -> None:
    def save(name: str, **arrays: Any) -> Path:
        path = tmp_path / f"{name}{suffix}"
        np.savez(path, **arrays) if suffix == ".npz" else save_file(arrays, path)
        return path

    layered = open_embeddings(save("layered", **{"layer-10": ROWS + 1, "layer-02": ROWS, "who": LABELS}), groups="who")
    assert layered.layers == (2, 10)
    assert (layered.rows(10) == ROWS + 1).all()
    with pytest.raises(GeoscopeError, match=r"one of the layers 2, 10 of .*, got .*; name one"):
        layered.rows()
    with pytest.raises(GeoscopeError, match="got left, right"):
        open_embeddings(save("mixed", left=ROWS, right=ROWS))
    with pytest.raises(GeoscopeError, match="as many rows each"):
        open_embeddings(save("uneven", **{"layer-00": ROWS, "layer-01": ROWS[:9]}))


def test_non_finite_rows_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_files, "BLOCK_BYTES", 100)
    broken = ROWS.copy()
    broken[[3, 40, 41], [0, 1, 2]] = np.nan, np.inf, -np.inf
    with pytest.raises(GeoscopeError, match="NaN or infinite values in 3 of its 50 rows"):
        list(open_embeddings(_save(tmp_path / "a.npy", broken)).batches())
    np.savez(tmp_path / "b.npz", **{"layer-00": ROWS, "layer-01": broken})
    with pytest.raises(GeoscopeError, match="3 of its 50 rows in layer 1"):
        list(open_embeddings(tmp_path / "b.npz").batches())
    huge = np.full((4, 3), 3e38, dtype=np.float32)
    assert (gather(object_embeddings(huge)) == huge).all()


def _unusable(folder: Path) -> Iterator[tuple[str, str]]:
    np.save(folder / "object.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    yield "object.npy", "got Python objects in .*, which only a pickle would read; save one array of floats"
    (folder / "short.npy").write_bytes((_save(folder / "whole.npy")).read_bytes()[:-9])
    yield "short.npy", "expected an array as .npy, got .* cannot be read"
    (folder / "junk.npy").write_bytes(b"junk")
    yield "junk.npy", "expected embeddings as .npy, got .*, which is something else: it begins with b'junk'"
    (folder / "nothing.npy").write_bytes(b"")
    yield "nothing.npy", "expected embeddings in .*, got an empty file"
    for name, array, sentence in (
        ("flat", ROWS[0], r"shape \(n, d\), got 1 dimension"),
        ("deep", ROWS[None], "got 3 dimensions"),
        ("complex", ROWS.astype(complex), "got complex128"),
        ("words", np.array([["a"]]), "got <U1"),
        ("none", ROWS[:0], "at least one row and column"),
        ("thin", ROWS[:, :0], "at least one row and column"),
    ):
        np.save(folder / f"{name}.npy", array)
        yield f"{name}.npy", sentence
    (folder / "junk.npz").write_bytes(b"PK junk")
    yield "junk.npz", "expected embeddings as .npz, got .*, which is something else"
    np.savez(folder / "nothing.npz")
    yield "nothing.npz", "expected an array of rows, got none"
    (folder / "junk.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    yield "junk.safetensors", "expected arrays as safetensors, got .* cannot be read"
    (folder / "junk.parquet").write_bytes(b"PAR1")
    yield "junk.parquet", "expected embeddings in parquet, got .* cannot be read"
    pq.write_table(pa.table({"a": ["x"], "b": [1]}), folder / "words.parquet")
    yield "words.parquet", r"got the columns a \(string\), b \(int64\)"
    pq.write_table(pa.table({"a": [[1.0]], "b": [[1.0]]}), folder / "two.parquet")
    yield "two.parquet", "expected one column of lists of numbers, got a, b in .*; choose one with --column"
    pq.write_table(pa.table({"a": pa.array([], pa.list_(pa.float32()))}), folder / "none.parquet")
    yield "none.parquet", "at least one row, got none"
    (folder / "rows.pt").write_bytes(b"")
    yield "rows.pt", r"got the file .*rows\.pt, which only a pickle would read"
    yield "absent.npy", "got no file there"
    (folder / "folder").mkdir()
    yield "folder", "got the folder .*folder, which has neither config.json nor embeddings.json"


def test_unusable_files_are_sentences(tmp_path: Path) -> None:
    for name, sentence in _unusable(tmp_path):
        with pytest.raises(GeoscopeError, match=sentence):
            embeddings_of(tmp_path / name, {})


def test_rows_of_unlike_length_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"v": [[1.0, 2.0], [1.0, 2.0], [1.0], None]}), path)
    with pytest.raises(GeoscopeError, match="expected 2 numbers in every row, as row 0 has, got 1 in row 2"):
        list(open_embeddings(path).batches())


def test_archives_that_would_burst_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, rows=np.zeros((2**13, 2**13 + 1), dtype=np.float32))
    with pytest.raises(GeoscopeError, match=r"would unpack to 0.3 GiB"):
        open_embeddings(path)
    header = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    claim = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 768), }"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rows.npy", header + claim.ljust(117) + b"\n")
    with pytest.raises(GeoscopeError, match=r"as its shape .* says, got fewer bytes"):
        open_embeddings(path)


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ("nobody", "expected --groups to be a column or key of .* or a file, got 'nobody'"),
        ("{dir}/short.txt", "one label per row, 50 in all, got 2"),
        ("{dir}/halves.npy", "integers or strings as labels, got float64"),
        ("{dir}/matrix.npy", r"got the shape \(50, 7\)"),
    ],
)
def test_wrong_groups_are_sentences(groups: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("1\n2\n")
    np.save(tmp_path / "halves.npy", np.arange(50) / 2)
    np.save(tmp_path / "matrix.npy", ROWS)
    np.savez(tmp_path / "single.npz", rows=ROWS)
    for path in (_save(tmp_path / "a.npy"), _save(tmp_path / "list.parquet"), tmp_path / "single.npz"):
        with pytest.raises(GeoscopeError, match=sentence):
            open_embeddings(path, groups=groups.format(dir=tmp_path))


class Made:
    """A source of two layers whose rows come out of order."""

    layers: tuple[Layer, ...] = (0, 3)
    index = RowIndex(np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 0, 1, 2, 0]), np.array([7, 8, 7, 9, 8, 7]))

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        for offsets in (np.array([5, 0, 3]), np.array([1, 2]), np.array([4])):
            yield Batch(offsets, {0: ROWS[offsets], 3: ROWS[offsets, :2] + 1})


class Failing(Made):
    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        yield from list(super().batches())[:1]
        raise MemoryError


def test_a_folder_holds_each_row_at_its_place(tmp_path: Path) -> None:
    written = write_embeddings(tmp_path / "new" / "out", Made(), **FACTS)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["out"]
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == [
        "embeddings.json", "layer-00.npy", "layer-03.npy", "rows.npy",
    ]  # fmt: skip
    assert np.load(tmp_path / "new" / "out" / "rows.npy").tolist()[3] == [1, 1, 9]
    for embeddings in (written, embeddings_of(tmp_path / "new" / "out", {})):
        assert embeddings.layers == (0, 3)
        assert (embeddings.rows(0) == ROWS[:6]).all()
        assert (gather(embeddings, 3) == ROWS[:6, :2] + 1).all()
        assert embeddings.index.token_ids.tolist() == [7, 8, 7, 9, 8, 7]
        assert (embeddings.subject, embeddings.sample, embeddings.settings) == tuple(FACTS.values())


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(MemoryError):
        write_embeddings(out, Failing(), **FACTS)
    assert not list(tmp_path.iterdir())
    write_embeddings(out, Made(), **FACTS)
    before = (out / "layer-00.npy").read_bytes()
    with pytest.raises(MemoryError):
        write_embeddings(out, Failing(), **FACTS)
    assert (out / "layer-00.npy").read_bytes() == before
    write_embeddings(out, Made(), **{**FACTS, "settings": {"seed": 1}})
    assert embeddings_of(out, {}).settings == {"seed": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_other_peoples_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(GeoscopeError, match=r"written by extract, got .* \(it holds notes.txt\)"):
        write_embeddings(tmp_path, Made(), **FACTS)
    with pytest.raises(GeoscopeError, match="got the file"):
        write_embeddings(tmp_path / "notes.txt", Made(), **FACTS)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("change", ["json", "list", "rows", "layers", "version"])
def test_damaged_folders_are_sentences(change: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_embeddings(out, Made(), **FACTS)
    if change in ("json", "list"):
        (out / "embeddings.json").write_text("{" if change == "json" else "[]")
    elif change == "rows":
        np.save(out / "rows.npy", np.zeros((5, 3), dtype=np.int64))
    elif change == "layers":
        (out / "layer-00.npy").unlink()
        (out / "layer-03.npy").unlink()
    else:
        (out / "embeddings.json").write_text('{"schema_version": "9"}')
    with pytest.raises(GeoscopeError, match="extract the embeddings again"):
        embeddings_of(out, {})


def test_extract_writes_a_folder(checkpoint_folder: Callable[[str], Path], corpus_file: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"corpora": [str(corpus_file)], "sequences": 20, "max_length": 60, "layers": "0,-1"}
    kept = extract(str(checkpoint_folder("bert")), **settings, output=tmp_path / "out")
    again = extract(str(checkpoint_folder("bert")), **settings, batch_tokens=64)
    assert kept.layers == again.layers == (0, 3)
    for layer in kept.layers:
        np.testing.assert_allclose(kept.rows(layer), again.rows(layer), atol=1e-5)
    assert kept.subject["architecture"] == "BertModel"
    assert kept.sample["sequences"] == 20
    assert kept.sample["rows"] == len(kept) == len(kept.rows(0))
    assert json.loads((tmp_path / "out" / "embeddings.json").read_text())["settings"]["layers"] == [0, 3]


def test_extract_refuses_before_it_reads(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(GeoscopeError, match="new, empty or written by extract"):
        extract("no/where", output=tmp_path)


def test_a_text_subject_says_what_it_is(checkpoint_folder: Callable[[str], Path], corpus_file: Path) -> None:
    folder = str(checkpoint_folder("llama"))
    extraction, subject, sample, _ = open_text_subject(
        folder, corpora=[str(corpus_file)], sequences=50, max_length=60, pooling="last", seed=3
    )
    assert subject["kind"] == "checkpoint"
    assert (subject["name"], subject["layers"], subject["hidden_size"]) == (folder, 3, 32)
    assert [(share["name"], share["sequences"]) for share in sample["corpora"]] == [("words", 40)]
    assert (sample["sequences"], sample["rows"], sample["pooling"], sample["seed"]) == (40, 40, "last", 3)
    assert sample["fingerprint"].startswith("sha256:")
    assert extraction.warnings == ("The corpus 'words' has 40 sequences, fewer than its share of 50; all are used.",)

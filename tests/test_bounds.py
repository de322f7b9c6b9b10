"""Bounds: what is broken, or made to stop a machine, is refused before memory and time are spent on it."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import socket
import struct
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made_reports
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geoscope.bounds import DISK_LEFT_BYTES, read_stream, read_whole
from geoscope.comparisons.checks import check
from geoscope.errors import GeoscopeError
from geoscope.settings.measuring import MeasureOptions
from geoscope.settings.option import read
from geoscope.settings.studying import StudyOptions
from geoscope.studies.changes import Change
from geoscope.subjects.checkpoint_files.own_files import refuse_elsewhere
from geoscope.subjects.checkpoint_files.sentence_models import modules_of
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.models.checkpoints import find_checkpoint, load_checkpoint
from geoscope.subjects.models.tokenizers import load_tokenizer
from geoscope.subjects.tables.table_files import read_table
from geoscope.subjects.texts import pipes
from geoscope.subjects.texts.pipes import spooled
from geoscope.subjects.texts.text_files import open_texts

Folder = Callable[[str], Path]


# What is no file


def test_a_device_is_no_report() -> None:
    with pytest.raises(GeoscopeError, match=r"expected a report in a file, got /dev/zero, which is a device; name a"):
        check("/dev/zero", "isoscore>0")


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
def test_what_has_no_end_is_no_description(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    if kind == "pipe":
        os.mkfifo("it")
    elif kind == "folder":
        Path("it").mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("it")
    with pytest.raises(GeoscopeError, match=f"got it, which is a {kind}; name a file"):
        read_whole(Path("it"), "JSON", 10)


def test_a_pipe_is_read_as_a_report_and_as_a_corpus(tmp_path: Path) -> None:
    texts = {"report.json": made_reports.layered(3).to_json(), "corpus.txt": "One.\nTwo.\n"}
    for name, text in texts.items():
        os.mkfifo(tmp_path / name)
        threading.Thread(target=(tmp_path / name).write_text, args=(text,), daemon=True).start()
        if name == "report.json":
            assert len(check(tmp_path / name, "two_nn>0").limits) == 3
        else:
            assert list(open_texts(spooled(str(tmp_path / name)))) == ["One.\n", "Two.\n"]


def test_what_is_piped_in_is_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it")
    threading.Thread(target=(tmp_path / "it").write_bytes, args=(bytes(1000),), daemon=True).start()
    with pytest.raises(GeoscopeError, match=r"expected text on .*it, got a NUL byte; pipe text in"):
        spooled(str(tmp_path / "it"))


def test_a_pipe_without_end_leaves_the_disk_its_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([DISK_LEFT_BYTES + (4 << 20), DISK_LEFT_BYTES + (1 << 20), DISK_LEFT_BYTES])
    monkeypatch.setattr(pipes.shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    os.mkfifo(tmp_path / "it")

    def without_end() -> None:
        with suppress(BrokenPipeError), (tmp_path / "it").open("wb") as stream:
            while True:
                stream.write(b"One.\n" * 10_000)

    threading.Thread(target=without_end, daemon=True).start()
    with pytest.raises(GeoscopeError, match=r"it that ends while there is room for it, got \d MB.*; save the text in"):
        spooled(str(tmp_path / "it"))
    assert next(free, None) is None


def test_more_than_anything_has_is_not_read_on() -> None:
    assert read_stream(io.BytesIO(b"{}"), "it", "JSON", 2) == b"{}"
    with pytest.raises(GeoscopeError, match=r"expected JSON of at most 0 MB, got more in it; check that it is"):
        read_stream(io.BytesIO(b"{ }"), "it", "JSON", 2)
    stream = io.BytesIO(bytes(1 << 20))
    with pytest.raises(GeoscopeError, match="which is text, got other bytes in it"):
        read_stream(stream, "it", "JSON", 1 << 30)
    assert stream.tell() <= 1 << 16


# Lines, rows and cells


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "short\n{}\n"), ("a.jsonl", '{{"text": "short"}}\n{{"text": "{}"}}\n'),
        ("a.csv", 'text,label\nshort,1\n"{}",2\n'), ("a.tsv", "text\tlabel\nshort\t1\n{}\t2\n"),
    ],
)  # fmt: skip
def test_a_line_that_is_too_long_is_said(name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.subjects.tables.encodings.LINE_CHARACTERS", 1000)
    path = tmp_path / name
    path.write_text(text.format("long " * 150))
    assert len(list(open_texts(path))) == 2
    path.write_text(text.format("long " * 300))
    with pytest.raises(GeoscopeError, match=r"in lines of at most .*, got a longer line [23] in .*; cut it"):
        list(open_texts(path))


def test_a_json_of_one_line_is_read_up_to_its_own_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.subjects.tables.encodings.LINE_CHARACTERS", 1000)
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"text": "words"}] * 500))
    assert len(list(open_texts(path))) == 500
    monkeypatch.setattr("geoscope.subjects.tables.encodings.WHOLE_BYTES", 2000)
    with pytest.raises(GeoscopeError, match=r"in a file that is read whole, got more in .*; write a record a line"):
        open_texts(path)


def test_a_quote_that_does_not_close_does_not_hold_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.subjects.tables.separated_files.LINE_CHARACTERS", 1000)
    path = tmp_path / "a.csv"
    path.write_text('text,label\nshort,1\n"long,2\n' + "words,1\n" * 100_000)
    with pytest.raises(GeoscopeError, match=r"rows of at most .* ends behind line 1\d\d of .* a quote does not"):
        read_table(path, "a table")


def test_a_cell_that_is_too_long_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.subjects.tables.tables.LINE_CHARACTERS", 1000)
    pq.write_table(pa.table({"text": ["short", "long " * 300]}), tmp_path / "a.parquet")
    with pytest.raises(GeoscopeError, match=r"texts of at most .*, got 1,500 in row 2 of .*; cut it"):
        list(open_texts(tmp_path / "a.parquet"))


# What unpacks to far more than it is


def _parquet(path: Path) -> None:
    pq.write_table(pa.table({"x": np.zeros(1_000_000, np.float32), "y": np.zeros(1_000_000, np.float32)}), path)


def _lists(path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([np.zeros(4, np.float32), np.zeros(2_000_000, np.float32)])}), path)


def _arrow(path: Path) -> None:
    zeros = np.zeros(1_000_000, np.float32)
    batch = pa.record_batch({"x": zeros, "y": zeros})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema, options=options) as writer:
        writer.write_batch(batch)


def _gzip(line: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(gzip.compress(line * 1_000_000)) and None


def _npz(path: Path) -> None:
    np.savez_compressed(path, a=np.zeros((1_000_000, 2), np.float32))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.parquet", _parquet), ("lists.parquet", _lists), ("a.arrow", _arrow), ("a.npz", _npz),
        ("a.csv.gz", _gzip(b"1.5,2.5\n")), ("a.jsonl.gz", _gzip(b"[1.5, 2.5]\n")),
    ],
)  # fmt: skip
def test_a_bomb_is_refused(
    name: str, write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geoscope.bounds.UNPACKED_BYTES", 1 << 20)
    monkeypatch.setattr("geoscope.subjects.tables.encodings.UNPACKED_BYTES", 1 << 20)
    write(tmp_path / name)
    with pytest.raises(GeoscopeError, match=r"unpacks? to .* times its size"):
        open_embeddings(tmp_path / name)


def test_rows_that_pack_well_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.bounds.UNPACKED_BYTES", 1 << 10)
    rows = np.random.default_rng(0).integers(0, 2, (5000, 8)).astype(np.float32)
    pq.write_table(pa.table({f"x{place}": column for place, column in enumerate(rows.T)}), tmp_path / "a.parquet")
    assert open_embeddings(tmp_path / "a.parquet").rows().shape == (5000, 8)


@pytest.mark.parametrize("archived", [False, True])
def test_the_header_of_an_array_is_no_longer_than_one(archived: bool, tmp_path: Path) -> None:
    data = b"\x93NUMPY\x02\x00" + struct.pack("<I", 4_000_000) + b" " * 4_000_000
    path = tmp_path / ("a.npz" if archived else "a.npy")
    if archived:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.npy", data)
    else:
        path.write_bytes(data)
    with pytest.raises(GeoscopeError, match="cannot be read: its header is said to take 4,000,000 bytes"):
        open_embeddings(path)


# Checkpoints


@pytest.fixture
def copied(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint_folder("bert"), tmp_path / "copied"))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "vocab.txt", "tokenization.py"])
def test_every_file_lies_in_the_folder(name: str, copied: Path, tmp_path: Path) -> None:
    file = copied / name
    inside, outside = copied / f"real-{name}", tmp_path / name
    outside.write_bytes(file.read_bytes() if file.exists() else b"")
    shutil.copy(outside, inside)
    file.unlink(missing_ok=True)
    file.symlink_to(inside.name)
    assert find_checkpoint(str(copied)).folder == copied
    file.unlink()
    file.symlink_to(outside)
    with pytest.raises(GeoscopeError, match=rf"in its folder .*copied, got {name}, a link to {outside}; copy the file"):
        find_checkpoint(str(copied))


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_a_part_of_a_checkpoint_is_a_file(name: str, copied: Path) -> None:
    (copied / name).unlink(missing_ok=True)
    os.mkfifo(copied / name)
    with pytest.raises(GeoscopeError, match=rf"each part of a checkpoint in a file, got .*{name}, which is a pipe"):
        find_checkpoint(str(copied))


def test_the_base_of_an_adapter_may_lie_elsewhere_and_its_files_in_it(copied: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    told = {"peft_type": "LORA", "base_model_name_or_path": str(copied)}
    (adapter / "adapter_config.json").write_text(json.dumps(told))
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    assert find_checkpoint(str(adapter)).folder == copied
    (copied / "merges.txt").symlink_to("/etc/hosts")
    with pytest.raises(GeoscopeError, match=r"in its folder .*copied, got merges.txt, a link to /etc/hosts; copy"):
        find_checkpoint(str(adapter))


def test_a_tokenizers_folder_is_held_to_the_same(copied: Path, checkpoint_folder: Folder, tmp_path: Path) -> None:
    (copied / "vocab.txt").unlink(missing_ok=True)
    (copied / "vocab.txt").symlink_to("/dev/zero")
    with pytest.raises(GeoscopeError, match=r"each part of a checkpoint in a file, got .*vocab.txt, which is a dev"):
        load_tokenizer(checkpoint_folder("bert"), "it", named=str(copied))


def test_the_folder_of_a_module_lies_in_the_folder(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (copied / "1_Pooling").symlink_to(tmp_path / "elsewhere")
    modules = [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]
    (copied / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(GeoscopeError, match=r"in its folder .*, got 1_Pooling, a link to .*elsewhere; copy"):
        modules_of(copied)


def test_a_description_is_no_larger_than_any(copied: Path) -> None:
    os.truncate(copied / "tokenizer.json", 300 << 20)  # which takes no space on the disk
    with pytest.raises(GeoscopeError, match=r"at most 256 MB in what describes a checkpoint, got 300 MB in .*token"):
        find_checkpoint(str(copied))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": 20_000}, "num_hidden_layers of at most 2,000 .*, got 20,000; mend it"),
        ({"text_config": {"decoder_layers": 10**12}}, "decoder_layers of at most 2,000 .*, got 1,000,000,000,000"),
        ({"num_labels": 10**9, "id2label": None}, "num_labels of at most 100,000 .*, got 1,000,000,000"),
        ({"vocab_size": 10**12}, "as many weights as the config.json of .*, got files of .* bytes, which cannot hold"),
        ({"max_position_embeddings": 10**12}, "as many weights as the config.json of .*, which cannot hold them; give"),
        ({"intermediate_size": 10**12}, "as many weights as the config.json of .*, which cannot hold them; give the"),
    ],
)
def test_a_configuration_of_more_than_there_is(changes: dict[str, Any], words: str, copied: Path) -> None:
    config = copied / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **changes}))
    with pytest.raises(GeoscopeError, match=words):
        load_checkpoint(str(copied))


# Options


@pytest.mark.parametrize(
    ("group", "name", "most"),
    [(MeasureOptions, "batch_tokens", 2**20), (MeasureOptions, "codebooks", 256), (StudyOptions, "seeds", 10_000)],
)
def test_an_option_has_a_most(group: Any, name: str, most: int) -> None:
    assert read(group, {name: most}) == {name: most}
    with pytest.raises(GeoscopeError, match=f"at most {most:,}, got 99999999999; give one"):
        read(group, {name: 99999999999})


def test_a_study_is_of_so_many_models() -> None:
    with pytest.raises(GeoscopeError, match="at most 100,000 models, got 44 --levels times 9,000 --seeds; ask for"):
        Change("noise", "absolute", None).states("marbut2024", 9_000, 0)


@pytest.mark.parametrize("name", ["a" * 300, "\ud800", "a\0b"], ids=["long", "half a character", "zero byte"])
def test_a_module_of_an_impossible_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(GeoscopeError, match="expected a path"):
        refuse_elsewhere(tmp_path / name, tmp_path)

"""The arrays and texts: rows that geoscope extracts once from real checkpoints, kept in `work/`."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.settings import Settings

FILES = {"ptb": ("ptb.valid.txt", "ptb.test.txt"), "wikitext2": ("wikitext2.valid.txt", "wikitext2.test.txt")}


def corpora(settings: Settings) -> list[str]:
    """What geoscope's --corpus is given."""
    if settings.data is None:
        return ["sample"]
    return [f"{name}={settings.data / file}" for name, files in FILES.items() for file in files]


def texts_file(settings: Settings) -> Path:
    """The drawn texts in corpus order, as JSON."""
    from geoscope.subjects.texts.corpora import draw, load_corpus

    path = settings.work / f"texts-{_origin(settings)}-{settings.sequences}.json"
    if not path.is_file():
        settings.work.mkdir(parents=True, exist_ok=True)
        drawn = draw([load_corpus(spec) for spec in corpora(settings)], settings.sequences, 0)
        path.write_text(json.dumps(drawn.texts))
    return path


def layer_files(settings: Settings, checkpoint: str, n: int, *, last: bool = False) -> dict[int, Path]:
    """n rows (fewer if the text has no more) of every layer of a checkpoint, or of its last, by layer."""
    folder = settings.work / f"{_slug(checkpoint)}-{_origin(settings)}-{n}{'-last' if last else ''}"
    if not (folder / "done").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"extracting {n} rows of {Path(checkpoint).name}", flush=True)
        extraction, shares = _extraction(settings, checkpoint, n, "last" if last else "all")
        _write(extraction, shares, folder, n)
        (folder / "done").write_text("")
    return {int(path.stem.removeprefix("layer-")): path for path in sorted(folder.glob("layer-*.npy"))}


def noisy_copy(settings: Settings, checkpoint: str, noise: float) -> Path:
    """A copy of a checkpoint, each weight with Gaussian noise of `noise` standard deviations of its tensor."""
    from geoscope.subjects.models.checkpoints import load_checkpoint

    folder = settings.work / f"{_slug(checkpoint)}-noise-{noise:g}"
    if not (folder / "done").is_file():
        import torch

        loaded = load_checkpoint(checkpoint)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in loaded.model.parameters():
                spread = weight.std() if weight.numel() > 1 else weight.abs().mean()
                weight += noise * spread * torch.randn(weight.shape, generator=generator)
        loaded.model.save_pretrained(folder)
        loaded.tokenizer.save_pretrained(folder)
        (folder / "done").write_text("")
    return folder


def sequences_beside(rows: Path) -> Path:
    """Which sequence each row of a layer's file is of."""
    return rows.with_name("sequences.npy")


def corpora_beside(rows: Path) -> Path:
    """Which corpus, by its place among them, each row of a layer's file is of."""
    return rows.with_name("corpora.npy")


def shape_of(rows: Path) -> tuple[int, int]:
    n, d = np.load(rows, mmap_mode="r").shape
    return int(n), int(d)


def big_file(settings: Settings) -> Path:
    """file_rows x file_columns of float32 on disk: correlated Gaussian rows (the cost does not depend on them)."""
    n, d = settings.file_rows, settings.file_columns
    path = settings.work / f"gaussian-{n}x{d}.npy"
    if not path.is_file():
        settings.work.mkdir(parents=True, exist_ok=True)
        print(f"writing {n} x {d} rows to disk", flush=True)
        generator = np.random.default_rng(0)
        scales = np.linspace(0.2, 2, d, dtype=np.float32)
        rows = np.lib.format.open_memmap(path.with_suffix(".part"), "w+", np.float32, (n, d))
        for start in range(0, n, 8192):
            stop = min(start + 8192, n)
            rows[start:stop] = generator.standard_normal((stop - start, d), dtype=np.float32) * scales + 0.5
        rows.flush()
        path.with_suffix(".part").rename(path)
    return path


def text_file(settings: Settings) -> Path:
    """text_rows x text_columns of float32 as a .csv, as pyarrow writes them."""
    n, d = settings.text_rows, settings.text_columns
    path = settings.work / f"gaussian-{n}x{d}.csv"
    if not path.is_file():
        import pyarrow as pa
        from pyarrow import csv

        settings.work.mkdir(parents=True, exist_ok=True)
        print(f"writing {n} x {d} rows as text to disk", flush=True)
        generator = np.random.default_rng(0)
        schema = pa.schema([(f"dim_{place}", pa.float32()) for place in range(d)])
        with csv.CSVWriter(path.with_suffix(".part"), schema) as writer:
            for start in range(0, n, 4096):
                rows = generator.standard_normal((min(4096, n - start), d), dtype=np.float32) * np.float32(0.05)
                writer.write(pa.table(list(rows.T), schema=schema))
        path.with_suffix(".part").rename(path)
    return path


def records_file(settings: Settings) -> Path:
    """lines records of JSON, one a line, with a text of some 120 characters and an id."""
    path = settings.work / f"records-{settings.lines}.jsonl"
    if not path.is_file():
        settings.work.mkdir(parents=True, exist_ok=True)
        words = ("geometry", "of", "a", "latent", "space", "is", "what", "its", "rows", "have", "in", "common")
        generator = np.random.default_rng(0)
        with path.with_suffix(".part").open("w", encoding="utf-8") as file:
            for start in range(0, settings.lines, 10_000):
                chosen = generator.integers(len(words), size=(min(10_000, settings.lines - start), 22))
                file.writelines(
                    f'{{"id": {start + number}, "text": "{" ".join(words[each] for each in row)}"}}\n'
                    for number, row in enumerate(chosen)
                )
        path.with_suffix(".part").rename(path)
    return path


def group_file(settings: Settings, length: int = 30) -> Path:
    """Labels of the big file's rows: sequences of `length` rows."""
    path = settings.work / f"groups-{settings.file_rows}-{length}.npy"
    if not path.is_file():
        np.save(path, np.arange(settings.file_rows) // length)
    return path


def _extraction(settings: Settings, checkpoint: str, n: int, layers: str) -> tuple[Any, list[int]]:
    """Of about as many sequences as give n rows; and how many are of each corpus."""
    from geoscope.subjects.models.checkpoints import load_checkpoint
    from geoscope.subjects.models.extraction import Extraction
    from geoscope.subjects.texts.corpora import draw, load_corpus

    loaded = load_checkpoint(checkpoint)
    texts = [load_corpus(spec) for spec in corpora(settings)]
    available = sum(len(corpus.sequences) for corpus in texts)
    sequences = max(n // 100, 20)  # few to begin with: what is too much is cut from the last corpus alone
    while True:
        drawn = draw(texts, min(sequences, available), 0)
        extraction = Extraction(loaded, drawn.texts, layers=layers, max_length=settings.row_length)
        if len(extraction.index) >= n or sequences >= available:
            return extraction, [share.sequences for share in drawn.corpora]
        sequences = max(sequences + 20, int(1.1 * sequences * n / len(extraction.index)))


def _write(extraction: Any, shares: list[int], folder: Path, n: int) -> None:
    n = min(n, len(extraction.index))
    shape = (n, extraction.checkpoint.hidden_size)
    files = {
        layer: np.lib.format.open_memmap(folder / f"layer-{layer:02d}.npy", "w+", np.float32, shape)
        for layer in extraction.layers
    }
    for batch in extraction.batches():
        kept = batch.offsets < n
        for layer, rows in batch.rows.items():
            files[layer][batch.offsets[kept]] = rows[kept]
    for rows in files.values():
        rows.flush()
    sequences = extraction.index.sequences[:n]
    np.save(folder / "sequences.npy", sequences)
    np.save(folder / "corpora.npy", np.repeat(np.arange(len(shares)), shares)[sequences])


def _slug(checkpoint: str) -> str:
    if checkpoint == "demo":
        return checkpoint
    digest = sha256(str(Path(checkpoint).resolve()).encode()).hexdigest()[:8]
    return f"{Path(checkpoint).name}-{digest}"


def _origin(settings: Settings) -> str:
    return "sample" if settings.data is None else "text"

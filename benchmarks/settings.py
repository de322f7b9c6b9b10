"""What a run of the benchmarks is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Settings:
    """Sizes, runs and where text and checkpoints are.

    checkpoint: the wide model's folder (None: the small one). small: the checkpoint that reads text.
    data: a folder with PTB and WikiText-2 (None: the shipped sample, which is small).
    n: rows of the pair sweep. peer_n: rows that the slow peers can take. growth: sizes of the growth curve, of which
    peer_growth also by the peers. file_rows x file_columns: of the file on disk; text_rows x
    text_columns: of the one of separated text (1 GB). lines: of the corpus, of which `drawn` are drawn. sequences:
    texts that extraction reads, cut to each of `lengths` tokens; row_length: the same of texts that rows are from.
    draws: of per_draw sequences, whose errors are put to the test by so many worker processes; field_draws: those of
    the measures of the field, which take longer. small_draws: of few
    sequences, on which two models are compared; quantized_draws: the same by the quantized measures.
    bits: of the quantizers' codebooks. agreement: sizes at which they are held against FAISS's, over so many seeds.
    runs: of each case, interleaved; slow_runs: of cases that take minutes.
    """

    checkpoint: str | None = None
    small: str = "demo"
    data: Path | None = None
    n: int = 20_000
    peer_n: int = 10_000
    growth: tuple[int, ...] = (10_000, 20_000, 50_000, 100_000)
    peer_growth: tuple[int, ...] = (1_000, 2_000, 5_000)
    file_rows: int = 1_000_000
    file_columns: int = 768
    text_rows: int = 213_000
    text_columns: int = 384
    lines: int = 1_000_000
    drawn: int = 5000
    sequences: int = 2_000
    lengths: tuple[int, ...] = (128, 512)
    row_length: int = 128
    bits: int = 8
    agreement: tuple[int, ...] = (500, 1_000, 2_000, 3_500, 5_000, 10_000)
    seeds: int = 5
    runs: int = 5
    slow_runs: int = 1
    draws: int = 800
    field_draws: int = 200
    per_draw: int = 200
    small_draws: int = 200
    quantized_draws: int = 30
    workers: int = os.cpu_count() or 1
    work: Path = FOLDER / "work"
    output: Path = FOLDER

    @property
    def wide(self) -> str:
        """The checkpoint that the pair sweep's rows are from."""
        return self.checkpoint or self.small

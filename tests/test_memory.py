"""The memory estimate: sizes, what it counts, and that a bound is kept without changing a number."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

import geoscope
from geoscope.errors import GeoscopeError, TooLittleMemory
from geoscope.memory import (
    LEAST_BLOCKS,
    ReadingNeeds,
    Workload,
    estimate,
    fit,
    hold_to,
    workload,
)
from geoscope.passes.pairs.sweeping import MEMORY
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.sizes import parse_size, size_text
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.models.extraction import Extraction

PASSES = frozenset({"moments", "units", "components", "bars", "nearest", "nearest_across"})
WORK = Workload(
    rows=120_000, dimension=768, layers=13, union=False, points=10_000, item=4, parts=20, passes=PASSES,
    reading=ReadingNeeds(weights=440_000_000, states=14, longest=128, tokens=4096),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * 10**9), ("500MB", 5 * 10**8), ("2GiB", 2 * 2**30), ("1.5 gib", 3 * 2**29), ("64k", 64_000),
        ("123456", 123_456), (123_456, 123_456), ("3G", 3 * 10**9), ("7B", 7),
    ],
)  # fmt: skip
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("wrong", ["", "much", "-4GB", "0", 0, "4 gigs", "1e9", True, "9" * 5000])
def test_sizes_that_are_none(wrong):
    with pytest.raises(GeoscopeError, match="--memory"):
        parse_size(wrong)


@pytest.mark.parametrize("size", [1, 999_999, 12_345_678, 999_999_999, 10**9, 1_234_567_890, 12_345_678_901])
def test_a_size_in_words_is_no_smaller_and_can_be_given_back(size):
    assert size <= parse_size(size_text(size)) <= size * 1.1 + 10**6


ASKED = {
    "points": 100, "parts": 20, "passes": PASSES, "quantizer": QuantizerSettings(), "errors": True, "null": "auto",
}  # fmt: skip


@pytest.mark.parametrize(
    ("union", "points", "clouds", "held"), [(False, 100, 2, 60), (True, 100, 1, 100), (True, None, 1, 120)]
)
def test_a_workload_holds_no_more_points_than_there_are_rows(tmp_path, union, points, clouds, held):
    rows = np.random.default_rng(0).standard_normal((60, 8))
    np.savez(tmp_path / "rows.npz", **{"layer-1": rows, "layer-2": rows})
    source = open_embeddings(tmp_path / "rows.npz")
    work = workload(source, source.layers, union=union, **ASKED | {"points": points})
    assert (work.clouds, work.points, work.rows, work.dimension, work.item) == (clouds, held, 60, 8, 8)
    need = estimate(replace(work, reading=None)).parts
    assert need["sampled points"] == clouds * held * 8 * 8
    assert need["sums over rows"] == clouds * 20 * 2 * 8 * 8**2


@pytest.mark.parametrize(("null", "matched"), [("auto", True), ("matched", True), ("closed", False), ("none", False)])
def test_a_checkpoints_workload_counts_its_weights_and_the_states_it_keeps(checkpoint, texts, null, matched):
    bert = checkpoint("bert")
    source = Extraction(bert, texts, max_length=24)
    last, first = (workload(source, layers, union=False, **ASKED | {"null": null}) for layers in ((3,), (0, 3)))
    assert (last.dimension, last.item, last.matched) == (32, 4, matched)
    assert last.reading == ReadingNeeds(4 * bert.parameters, 2, 24, source.tokens_padded)  # fewer than are read at once
    assert first.reading.states == 1 + 2
    listed = replace(bert, outline=replace(bert.outline, hooked=False))
    assert workload(Extraction(listed, texts), (0, 3), union=False, **ASKED).reading.states == 3 + 2


@pytest.mark.parametrize(
    ("change", "most"),
    [
        ({"reading": replace(WORK.reading, tokens=65536)}, "reading rows"),
        ({"reading": replace(WORK.reading, longest=65536, tokens=512)}, "reading rows"),
        ({"passes": frozenset({"moments"})}, "eigenvalues"),
        ({"passes": frozenset({"components"}), "points": 50_000}, "components"),
        ({"points": 30_000}, "the matched null"),
        ({"points": 30_000, "matched": False}, "pairs"),
        ({"passes": frozenset({"codes"})}, "codebooks"),
    ],
)
def test_of_what_is_held_one_after_the_other_the_most_counts_and_a_tenth_for_the_rest(change, most):
    parts = estimate(replace(WORK, **{"reading": replace(WORK.reading, tokens=512)} | change)).parts
    assert most in parts
    held = sum(size for name, size in parts.items() if name != "the rest")
    assert parts["the rest"] == 16 * 2**20 + held // 10


def test_copies_are_counted_where_they_are_made():
    def part(name, **change):
        return estimate(replace(WORK, **{"reading": None} | change)).parts[name]

    pairs = {"passes": frozenset({"nearest"}), "matched": False}
    across = {"passes": frozenset({"nearest", "nearest_across"}), "matched": False}
    assert part("pairs", **across, errors=False) > part("pairs", **pairs, errors=False)
    assert part("pairs", **across) == part("pairs", **pairs) > part("pairs", **pairs, errors=False)
    assert part("the matched null") > part("the matched null", errors=False)
    assert part("the moments") == 21 * part("the moments", errors=False) == 21 * 5 * 8 * 768**2
    halves = {"passes": frozenset({"heldout_codes"}), "matched": False, "points": 50_000}
    assert part("codebooks", **halves, trainings=3) - part("codebooks", **halves) == 2 * 50_000 * 768 * 4
    axes = {"passes": frozenset({"components"}), "parts": 0, "dimension": 8192}
    assert part("components", **axes, points=8191) > 1.5 * part("components", **axes, points=8192)
    read = {"reading": replace(WORK.reading, tokens=65536)}
    apart, together = part("reading rows", **read), part("reading rows", **read, union=True)
    assert together - apart == 65536 * (13 - 1) * 768 * 4


def test_whole_lists_of_other_sequences_are_counted():
    def lists(*names, part="pairs"):
        work = replace(WORK, reading=None, passes=PASSES | set(names), matched=part != "pairs")
        return estimate(work).parts[part]

    for part in ("pairs", "the matched null"):
        assert lists(part=part) == lists("log_ratios_8", "occurrences", part=part)
        assert lists(part=part) < lists("log_ratios_8_across", part=part) == lists("occurrences_across", part=part)
    searching = replace(WORK, reading=None, passes=frozenset({"tree_lengths"}), errors=False, matched=False)
    swept = replace(searching, passes=frozenset({"bars"}))
    assert estimate(searching).parts["pairs"] > estimate(swept).parts["pairs"]


def test_what_is_held_to_a_bound_reads_and_sweeps_within_it(checkpoint, texts):
    source = Extraction(checkpoint("bert"), texts, max_length=24)
    source.read_at_once(48)
    free = workload(source, (3,), union=False, **ASKED)
    assert (hold_to(None, free, source, None), source.batch_tokens) == (MEMORY, free.reading.tokens)
    swept = replace(free, points=50_000)
    read = replace(free, reading=replace(free.reading, tokens=10**6))
    for work, part in ((swept, "blocks"), (read, "reading")):
        with pytest.raises(GeoscopeError) as refusal:
            fit(work, 1)
        bound, said = parse_size(str(refusal.value).split("at least ")[1].split()[0]), []
        held, need = fit(work, bound)
        assert held != work
        assert held == replace(work, **{part: getattr(held, part)})  # what need not shrink does not
        assert hold_to(bound, work, source, said.append) == held.blocks
        assert source.batch_tokens == held.reading.tokens
        assert said == [str(need)]


def test_without_a_bound_the_machine_is_one(checkpoint, texts, monkeypatch):
    source = Extraction(checkpoint("bert"), texts, max_length=24)
    work = replace(workload(source, (3,), union=False, **ASKED), points=50_000)
    least = fit(work, 2 * estimate(replace(work, blocks=LEAST_BLOCKS)).total)[1].total
    monkeypatch.setattr("geoscope.memory.memory_bytes", lambda: 2 * least)
    assert hold_to(None, work, source, None) == work.blocks
    monkeypatch.setattr("geoscope.memory.memory_bytes", lambda: 10**6)
    with pytest.raises(TooLittleMemory, match=r"got one with 1MB for it; measure fewer --layers or --points, or try"):
        hold_to(None, work, source, None)
    monkeypatch.setattr("geoscope.memory.memory_bytes", lambda: None)
    assert hold_to(None, work, source, None) == work.blocks


def test_what_grows_grows():
    for more in (
        {"layers": 25}, {"points": 20_000}, {"dimension": 1024}, {"rows": 10**7}, {"item": 8},
        {"reading": replace(WORK.reading, weights=10**9)},
    ):  # fmt: skip
        assert estimate(replace(WORK, **more)).total > estimate(WORK).total, more
    for less in ({"parts": 1, "errors": False}, {"union": True}, {"reading": None}):
        assert estimate(replace(WORK, **less)).total < estimate(WORK).total, less


def test_unasked_passes_cost_nothing():
    only = replace(WORK, passes=frozenset({"moments"}), reading=None)
    assert estimate(replace(only, errors=False, parts=1)).total < estimate(only).total
    pairwise = replace(only, parts=0, passes=frozenset({"nearest"}), errors=False, matched=False)
    assert "sums over rows" not in estimate(pairwise).parts
    assert estimate(pairwise).total < estimate(replace(pairwise, matched=True)).total


def test_many_bits_are_seen_coming():
    quantized = replace(WORK, passes=frozenset({"codes"}))
    wide = replace(quantized, quantizer=QuantizerSettings(bits=12))
    assert estimate(wide).total > estimate(quantized).total + 3 * 8 * (4 * 4096) ** 2


def test_a_bound_shrinks_blocks_and_batches_and_then_refuses_with_a_number_that_works():
    free, need = fit(WORK, None)
    assert free == WORK
    assert fit(WORK, need.total) == (WORK, need)
    tight, less = fit(WORK, need.total - 1) if estimate(_smallest()).total < need.total else (WORK, need)
    assert less.total <= need.total
    assert tight.blocks <= MEMORY
    with pytest.raises(GeoscopeError, match="expected --memory of at least") as refusal:
        fit(WORK, 10**8)
    named = str(refusal.value).split("at least ")[1].split()[0]
    held, need = fit(WORK, parse_size(named))
    assert need.total <= parse_size(named)
    assert held.rows == WORK.rows
    assert held.points == WORK.points


def test_batches_shrink_when_reading_is_most():
    reading = replace(WORK, passes=frozenset({"units"}), parts=1, errors=False, layers=1, points=10)
    reading = replace(reading, reading=ReadingNeeds(weights=10**6, states=50, longest=64, tokens=32768))
    held, need = fit(reading, estimate(reading).total // 4)
    assert 64 <= held.reading.tokens < 32768
    assert need.total <= estimate(reading).total // 4


def _smallest():
    return replace(WORK, blocks=LEAST_BLOCKS, reading=replace(WORK.reading, tokens=WORK.reading.longest))


def test_memory_changes_no_value_of_an_array():
    rows = np.random.default_rng(0).standard_normal((2500, 40)).astype(np.float32)
    options = {"groups": np.arange(2500) // 10, "measures": ["dimension", "persistence", "isotropy"]}
    said: list[str] = []
    free = geoscope.measure(rows, **options, announce=said.append)
    assert len(said) == 1
    assert said[0].startswith("needs about ")
    with pytest.raises(GeoscopeError) as refusal:
        geoscope.measure(rows, **options, memory="1MB")
    least = str(refusal.value).split("at least ")[1].split()[0]
    bound = geoscope.measure(rows, **options, memory=least)
    for one, other in zip(free.measurements, bound.measurements, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-9), one.measure
        if one.standard_error is not None:
            assert one.standard_error == pytest.approx(other.standard_error, rel=1e-6), one.measure
    assert free.settings == bound.settings


def test_memory_changes_no_value_of_a_checkpoint(checkpoint_folder, corpus_file):
    options = {
        "null": "none",
        "corpora": [str(corpus_file)],
        "max_length": 24,
        "measures": ["isoscore", "two_nn"],
        "layers": "0,3",
    }
    subject = str(checkpoint_folder("bert"))
    free = geoscope.measure(subject, **options)
    with pytest.raises(GeoscopeError) as refusal:
        geoscope.measure(subject, **options, memory=1000)
    bound = geoscope.measure(subject, **options, memory=str(refusal.value).split("at least ")[1].split()[0])
    for one, other in zip(free.measurements, bound.measurements, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-4), one.measure


def test_the_command_says_what_it_needs_unless_quiet(tmp_path, capfd):
    from geoscope.cli.app import main

    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((50, 4)))
    given = ["measure", str(tmp_path / "x.npy"), "--measures", "isoscore", "--format", "csv"]
    assert main([*given, "--memory", "2GB"]) == 0
    assert "geoscope: needs about" in capfd.readouterr().err
    assert main([*given, "--quiet"]) == 0
    assert capfd.readouterr().err == ""
    assert main([*given, "--memory", "1kB"]) == 2
    assert "expected --memory of at least" in capfd.readouterr().err


def test_a_wrong_size_is_refused_before_anything_is_read():
    with pytest.raises(GeoscopeError, match="lots"):
        geoscope.measure("missing.npy", memory="lots")


def test_a_measurement_keeps_nothing_of_what_it_measured() -> None:
    rows = np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32)  # some measures have no value here
    left = weakref.ref(rows)
    gc.collect()
    gc.disable()
    try:
        report = geoscope.measure(rows)
        del rows
        assert left() is None
    finally:
        gc.enable()
    assert any(row.value is None for row in report.measurements)

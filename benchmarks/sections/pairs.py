"""Nearest neighbours and H0 bars against the bare matrix product and against those who compute the same."""

from __future__ import annotations

from pathlib import Path

from benchmarks.data import layer_files, shape_of
from benchmarks.results import Section, ratio
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved
from benchmarks.timing import run as run_once


def run(settings: Settings) -> Section:
    section = Section("pairs", "Nearest neighbours and H0 bars together, against the bare product n x n x d")
    layers = layer_files(settings, settings.wide, settings.n)
    last, worst = max(layers), worst_layer(layers)
    section.notes.append(f"the worst layer, by one sweep of each, is {worst}")
    for name, layer in {"last": last, "worst": worst}.items():
        n, d = shape_of(layers[layer])
        rows, data = {"rows": str(layers[layer])}, f"{name} layer ({layer})"
        section.results += interleaved(
            [
                Case("geoscope sweep", "pairs.sweep", rows, data, n, d),
                Case("SGEMM", "pairs.product", rows, data, n, d),
                Case("FAISS nearest two", "pairs.nearest_two", rows, data, n, d, needs="faiss", runs=2),
            ],
            settings.runs,
        )
        sweep = section.of("geoscope sweep", data)
        limit = 1.5 if name == "last" else 2.5
        section.find(f"sweep / SGEMM, {data}", ratio(sweep, section.of("SGEMM", data)), at_most=limit)
        if sweep is not None:
            section.find(f"peak memory above the data, {data}", sweep.peak / 1e6, "MB", at_most=500)
    _peers(section, settings, layers[last])
    return section


def _peers(section: Section, settings: Settings, rows: Path) -> None:
    n, d = shape_of(rows)
    n = min(n, settings.peer_n)
    given = {"rows": str(rows), "take": n}
    slow = settings.slow_runs
    section.results += interleaved(
        [
            Case("geoscope sweep", "pairs.sweep", given, "against peers", n, d),
            Case("ripser", "peers.ripser", given, "against peers", n, d, needs="ripser", runs=slow),
            Case("skdim TwoNN", "peers.two_nn", given, "against peers", n, d, needs="skdim", runs=slow),
        ],
        settings.runs,
    )
    sweep = section.of("geoscope sweep", "against peers")
    for peer in ("ripser", "skdim TwoNN"):
        section.find(f"{peer} / sweep, {n} rows", ratio(section.of(peer), sweep))
    ripser = section.of("ripser")
    if ripser is not None and sweep is not None:
        gap = abs(ripser.facts[0]["bars"] / sweep.facts[0]["bars"] - 1)
        section.find("relative difference of the bars' sum from ripser's float32 one", gap, "", at_most=1e-4)


def worst_layer(layers: dict[int, Path]) -> int:
    """The layer that the sweep takes longest for, by one run each."""
    taken = {}
    for layer, rows in layers.items():
        n, d = shape_of(rows)
        taken[layer] = run_once(Case("trial", "pairs.sweep", {"rows": str(rows)}, n=n, d=d))["seconds"]
        print(f"  layer {layer}: {taken[layer]:.2f} s", flush=True)
    return max(taken, key=taken.__getitem__)

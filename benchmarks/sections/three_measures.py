"""All measures but the quantized ones against the three programs that give three of them."""

from __future__ import annotations

from benchmarks.data import layer_files, shape_of
from benchmarks.results import Section
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved

PEERS = {
    "ripser": ("peers.ripser", "ripser"),
    "skdim TwoNN": ("peers.two_nn", "skdim"),
    "IsoScore 2.0.1": ("peers.isoscore", "IsoScore"),
}


def run(settings: Settings) -> Section:
    section = Section("three_measures", "All unquantized measures against ripser + scikit-dimension + IsoScore")
    layers = layer_files(settings, settings.wide, settings.n)
    rows = layers[max(layers)]
    n, d = shape_of(rows)
    n = min(n, settings.peer_n)
    given = {"rows": str(rows), "take": n}
    point = given | {"errors": False, "null": "none"}
    cases = [Case("geoscope, all unquantized", "measuring.array", point, "last layer", n, d)]
    cases += [
        Case(name, task, given, "last layer", n, d, needs=module, runs=settings.slow_runs)
        for name, (task, module) in PEERS.items()
    ]
    section.results += interleaved(cases, settings.runs)
    section.notes.append("errors and nulls off, since the peers give none; the peers' memory is that of the largest")
    ours = section.of("geoscope, all unquantized")
    peers = [section.of(name) for name in PEERS]
    if ours is not None and all(peer is not None for peer in peers):
        theirs = [peer for peer in peers if peer is not None]
        section.find("the three peers / geoscope, time", sum(p.median for p in theirs) / ours.median, at_least=20)
        section.find("geoscope / the peers, memory", ours.peak / max(p.peak for p in theirs), at_most=0.1)
    return section

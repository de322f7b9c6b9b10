"""How the cost of pairs grows with n, and where the peers are on the same curve."""

from __future__ import annotations

from math import log

from benchmarks.data import layer_files, shape_of
from benchmarks.results import Section
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved

SHORT = 20_000
"""Rows up to which a sweep takes seconds."""


def run(settings: Settings) -> Section:
    """One run of a size above SHORT; sizes that the text has no rows for are left out."""
    section = Section("growth", "Cost of neighbours and H0 bars as n grows")
    rows = next(iter(layer_files(settings, settings.wide, max(settings.growth), last=True).values()))
    available, d = shape_of(rows)
    sizes = sorted({min(n, available) for n in (*settings.peer_growth, *settings.growth)})
    if available < max(settings.growth):
        section.notes.append(f"the text gives {available} rows; more need --data")
    for n in sizes:
        given = {"rows": str(rows), "take": n}
        cases = [
            Case("geoscope sweep", "pairs.sweep", given, "last layer", n, d),
            Case("SGEMM", "pairs.product", given, "last layer", n, d),
        ]
        if n <= max(settings.peer_growth):
            cases += [
                Case("ripser", "peers.ripser", given, "last layer", n, d, needs="ripser", runs=1),
                Case("skdim TwoNN", "peers.two_nn", given, "last layer", n, d, needs="skdim", runs=1),
            ]
        section.results += interleaved(cases, settings.runs if n <= SHORT else 1)
    counted = [n for n in sizes if n >= min(settings.growth)]
    if len(counted) > 1:
        least, most = (section.of("geoscope sweep", n=n) for n in (counted[0], counted[-1]))
        if least is not None and most is not None:
            exponent = log(most.median / least.median) / log(most.n / least.n)
            section.find(f"growth exponent, {least.n} to {most.n}", exponent, "", at_least=1.9, at_most=2.15)
            section.find(f"peak memory above the data at {most.n}", most.peak / 1e9, "GB", at_most=4)
    return section

"""Whether geoscope's local search quantizer is FAISS's in distribution at every number of rows, few ones too.

Of each size of four clouds (a power spectrum; the first, middle and last layer of the small checkpoint), over seeds:
the mean centred error against 1.05 times FAISS's + .002, the mean patchiness in standard deviations of FAISS's seeds,
and the error on rows that were not trained on above that on those that were.
"""

from __future__ import annotations

from math import isnan
from statistics import mean, stdev

from benchmarks.data import layer_files, shape_of
from benchmarks.results import Section
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved

STORED = 20_000


def run(settings: Settings) -> Section:
    section = Section(
        "agreement", "LSQ, 4 codebooks: geoscope's own against FAISS's at every number of rows, over seeds"
    )
    layers = layer_files(settings, settings.small, STORED)
    chosen = sorted(layers)
    clouds = {f"layer {layer}": str(layers[layer]) for layer in (chosen[0], chosen[len(chosen) // 2], chosen[-1])}
    d = shape_of(layers[chosen[0]])[1]
    shared = {"d": d, "bits": settings.bits, "seeds": settings.seeds, "workers": settings.workers}
    for n in settings.agreement:
        for cloud, rows in {"power spectrum": None, **clouds}.items():
            given = shared | {"rows": rows, "n": n}
            cases = [
                Case(f"LSQ of {who}", "agreement.lsq", given | {"implementation": who}, cloud, n, d)
                for who in ("geoscope", "faiss")
            ]
            section.results += interleaved(cases, 1)
            _judge(section, cloud, n)
    return section


def _judge(section: Section, cloud: str, n: int) -> None:
    ours, theirs = (section.of(f"LSQ of {who}", cloud, n) for who in ("geoscope", "faiss"))
    if ours is None or theirs is None:
        return
    mine, other = ours.facts[0], theirs.facts[0]
    where = f"{cloud}, {n} rows"
    section.find(f"centred error, {where}", mean(mine["error"]), "", at_most=1.05 * mean(other["error"]) + 0.002)
    spread = stdev(other["patchiness"])
    if spread > 0:
        apart = abs(mean(mine["patchiness"]) - mean(other["patchiness"])) / spread
        section.find(f"patchiness from FAISS's, in its seeds' standard deviations, {where}", apart, "sd", at_most=3)
    if not any(map(isnan, mine["heldout"])):
        above = mean(mine["heldout"]) / mean(mine["error"])
        section.find(f"error on unseen rows over that on rows trained on, {where}", above, at_least=1)

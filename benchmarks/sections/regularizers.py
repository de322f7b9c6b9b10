"""Steps of the isotropy loss, forward and backward, against IsoScore* from singular values or eigenvalues."""

from __future__ import annotations

from benchmarks.results import Section, ratio
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved

ROWS, STEPS = 4096, 10
OURS, PUBLISHED = "geoscope isotropy_loss", "svdvals of the covariance, as published"
ROUTES = {OURS: "geoscope", PUBLISHED: "svdvals", "eigvalsh of the covariance": "eigvalsh"}
"""eigvalsh is what the published code could have called: a covariance is symmetric."""
UNSHRUNK = ROUTES | {"svdvals of the rows": "svdvals of the rows"}


def run(settings: Settings) -> Section:
    section = Section("regularizers", f"{STEPS} steps of 1 - IsoScore*, forward and backward, on a batch of points")
    n, d = min(ROWS, settings.peer_n), settings.file_columns
    for shrinkage, routes in ((0.2, ROUTES), (0.0, UNSHRUNK)):
        data = f"zeta {shrinkage:g}"
        given = {"n": n, "d": d, "shrinkage": shrinkage, "steps": STEPS}
        section.results += interleaved(
            [
                Case(name, "regularizers.isotropy", given | {"route": route}, data, n, d)
                for name, route in routes.items()
            ],
            settings.runs,
        )
        _compare(section, data, list(routes)[1:])
    section.notes.append(
        "the points are float32; the published training always has a float64 reference (its zeta is 0.2 unless told "
        "otherwise), in whose precision its route goes on; zeta 0 is without a reference here, in float32 throughout"
    )
    return section


def _compare(section: Section, data: str, others: list[str]) -> None:
    ours, published = section.of(OURS, data), section.of(PUBLISHED, data)
    for name in others:
        bound = {"at_most": 0.2} if name == PUBLISHED else {}
        section.find(f"geoscope / {name}, time, {data}", ratio(ours, section.of(name, data)), **bound)
    if ours is not None and published is not None:
        for fact in ("loss", "gradient"):
            gap = abs(ours.facts[0][fact] / published.facts[0][fact] - 1.0)
            section.find(f"relative difference of the {fact}, {data}", gap, "", at_most=1e-4)

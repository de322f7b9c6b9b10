"""`python -m benchmarks.collapse`: whether `collapse` fires where a linear probe fails, and on healthy layers.

    python -m benchmarks.collapse families sst2.npy labels.npy 4000   # rows, classes, how many of them are trained on
    python -m benchmarks.collapse draws EXTRACTED...                  # folders that `geoscope extract` wrote

Families of collapse are made of healthy rows, in steps; at each, a logistic regression is fitted twice: to the rows as
they are (scikit-learn's C = 1), and standardised (C = 0.1). It has failed where either is within 2 points of the
majority class. Draws take rows of every layer but the embeddings, 200 draws a layer and size, and count the alarms.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geoscope import measures
from geoscope.catalogue import SIGNS
from geoscope.comparisons.collapse import EMBEDDINGS, Collapse
from geoscope.errors import Undefined

DRAWS = 200
SIZES = (100, 250, 500, 1000)
FALLEN = 0.02  # above the share of the majority class
POINTS = 2500  # that neighbours are sought among


def signs_of(rows: Any) -> dict[str, float | None]:
    """Every sign of collapse in some rows."""
    found: dict[str, float | None] = {}
    for key in SIGNS:
        seen = rows if key != "neighbour_spread" else rows[:: -(-len(rows) // POINTS)]
        try:
            found[key] = getattr(measures, key)(seen)
        except Undefined:
            found[key] = None
    return found


def shown(signs: dict[str, float | None]) -> list[str]:
    """Those that are past their bound; one without a value is."""
    values = {bound.measure: bound for bound in Collapse().bounds}
    return [key for key, value in signs.items() if value is None or not values[key].holds(value)]


def collapsed(rows: Any) -> Iterator[tuple[str, str, Any]]:
    """Families of collapse of healthy rows (n, d): family, strength, rows."""
    draw = np.random.default_rng(1)
    mean = rows.mean(axis=0)
    centred = rows - mean
    n, d = rows.shape
    radius = float(np.sqrt((centred**2).sum(axis=1).mean()))
    axes = np.linalg.svd(centred[:4000], full_matrices=False)[2]
    noise = radius / np.sqrt(d)
    for left in (1, 0.3, 0.1, 0.05, 0.03, 0.02, 0.01, 1e-3, 1e-5):
        yield "all shrink to the mean", f"spread x {left:g}", mean + left * centred
    for left in (0.1, 0.03, 0.01, 3e-3, 1e-3):
        shaken = 0.01 * noise * draw.standard_normal(rows.shape)
        yield "all shrink to the mean, in noise", f"spread x {left:g}", mean + left * centred + shaken
    along = np.outer(centred @ axes[0], axes[0])
    for left in (0.1, 0.05, 0.03, 0.02, 0.015, 0.012, 0.01, 1e-3, 1e-5):
        yield "one direction takes over", f"others x {left:g}", mean + along + left * (centred - along)
    turned = axes.T @ draw.standard_normal(len(axes))
    turned /= np.linalg.norm(turned)
    for size in (3, 10, 100, 1000, 3000, 1e4, 1e5):
        random = np.outer(draw.standard_normal(n), turned)
        yield "a random direction takes over", f"{size:g} x the radius", rows + size * radius * random
    for k in (1, 2, 3, 5, 8, 12, 20, 40, 80):
        yield "k dimensions, the first axes", f"k = {k}", mean + (centred @ axes[:k].T) @ axes[:k]
    for k in (1, 2, 3, 5, 8, 12, 20, 40, 80):
        some = np.linalg.qr(draw.standard_normal((d, k)))[0]
        yield "k dimensions, random", f"k = {k}", mean + (centred @ some) @ some.T
    for points in (1, 2, 3, 5, 10, 20, 50, 100, 200):
        for share in (1e-3, 0.03, 0.1, 0.3, 0.5, 1):
            centres = centred[draw.choice(n, points, replace=False)]
            shaken = share * noise * draw.standard_normal(rows.shape)
            yield (
                "C points with noise",
                f"C = {points}, noise {share:g}",
                mean + centres[draw.integers(points, size=n)] + shaken,
            )


def families(rows: Any, labels: Any, trained: int) -> None:
    """A line a family and strength."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    share = np.bincount(labels[trained:]).max() / len(labels[trained:])
    print(f"| family | strength | probe | standardised | {' | '.join(SIGNS)} | |")
    print(f"|---|---|{'--:|' * (2 + len(SIGNS))}---|")
    counts = {"found": 0, "missed": 0, "early": 0, "right": 0}
    for family, strength, made in collapsed(rows.astype(np.float64)):
        given = made.astype(np.float32)
        probes = LogisticRegression(max_iter=200), make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
        scores = [
            each.fit(x[:trained], labels[:trained]).score(x[trained:], labels[trained:])
            for each, x in zip(probes, (given, given.astype(np.float64)), strict=True)
        ]
        signs = signs_of(given)
        fallen, fires = min(scores) <= share + FALLEN, bool(shown(signs))
        verdict = {(True, True): "found", (True, False): "missed", (False, True): "early"}.get((fallen, fires), "right")
        counts[verdict] += 1
        values = " | ".join("none" if value is None else f"{value:.4g}" for value in signs.values())
        said = verdict if verdict != "right" else ""
        print(f"| {family} | {strength} | {scores[0]:.3f} | {scores[1]:.3f} | {values} | {said} |", flush=True)
    print(f"\nMajority class {share:.3f}. {counts}")


def draws(folders: Sequence[str]) -> None:
    """A line a folder and size: alarms of all draws of all layers, and the value nearest to each bound."""
    print(f"| rows of | layers | rows a draw | alarms | of draws | {' | '.join(SIGNS)} |")
    print(f"|---|{'--:|' * (4 + len(SIGNS))}")
    for folder in folders:
        files = [file for file in sorted(Path(folder).glob("layer-*.npy")) if int(file.stem[6:]) != EMBEDDINGS]
        for size in SIZES:
            alarms, many, values = 0, 0, []
            for file in files:
                rows = np.load(file)
                if len(rows) < size:
                    continue
                draw = np.random.default_rng(size)
                for _ in range(max(DRAWS // len(files), 1)):
                    signs = signs_of(rows[np.sort(draw.choice(len(rows), size, replace=False))])
                    alarms, many = alarms + bool(shown(signs)), many + 1
                    values.append(list(signs.values()))
            if values:
                table = np.array(values, dtype=float)
                ends = [
                    f"{(table[:, place].max if sign.operator == '<=' else table[:, place].min)():.3g}"
                    for place, sign in enumerate(SIGNS.values())
                ]
                told = f"{Path(folder).name} | {len(files)} | {size} | {alarms} | {many} | {' | '.join(ends)}"
                print(f"| {told} |", flush=True)


def main(given: Sequence[str]) -> None:
    if given[:1] == ["families"] and len(given) == 4:
        families(np.load(given[1]), np.load(given[2]), int(given[3]))
    elif given[:1] == ["draws"] and len(given) > 1:
        draws(given[1:])
    else:
        sys.exit(str(__doc__))


if __name__ == "__main__":
    main(sys.argv[1:])

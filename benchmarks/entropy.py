"""`python -m benchmarks.entropy`: what each selection of bars keeps in a batch, and what a step of the loss takes.

The first table needs a checkpoint and the shipped sample: batches of first-token states (the paper's points) before any
training. The second is of Gaussian points in classes of equal size, forward and backward, beside ripser (extra
`oracles`): its H0 deaths, each looked up among the distances of the points, which carry the gradient. Writes
entropy.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.__main__ import environment
from benchmarks.settings import FOLDER

SELECTIONS = (
    ("published", 1.0), ("published", 0.5), ("published", 2.0), ("strict", 1.0), ("relative", 1.0), ("random", 1.0),
    ("all", 1.0),
)  # fmt: skip
BATCHES = (16, 32, 64, 128)
DRAWS = 50
SIZES, DIMENSIONS, CLASSES = (16, 64, 128, 512), (384, 768), (1, 2, 5)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.entropy", description=__doc__)
    parser.add_argument("--checkpoint", default="demo")
    parser.add_argument("--steps", type=int, default=10, help="timed steps of each size")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder for entropy.md")
    given = parser.parse_args(arguments)
    import geoscope

    # a text's first token stands for the whole of it
    states = geoscope.extract(given.checkpoint, corpora=["sample"], sequences=2000, pooling="cls", layers="last")
    rows = states.rows(states.layers[-1])
    width = rows.shape[1]
    named = f"{Path(given.checkpoint).name}'s first tokens ({width} dimensions)"
    clouds = {named: rows, "Gaussian, 768 dimensions": np.random.default_rng(0).standard_normal((2000, 768))}
    text = ["# The entropy loss, by selection and by size", "", (__doc__ or "").split("\n\n", 1)[1]]
    text += ["## What each selection keeps of a batch before training", ""]
    for name, cloud in clouds.items():
        text += [f"{name}; {DRAWS} batches of one class each.", "", *kept(cloud), ""]
    about = environment()
    machine = f"{about['processor']}, {about['cores']} cores, {about['threads']} threads, torch {about['torch']}"
    text += [f"## Milliseconds a step, median of {given.steps}", "", f"{machine}.", "", *times(given.steps), ""]
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "entropy.md").write_text("\n".join(text))
    print("\n".join(text))


def kept(cloud: Any) -> Iterator[str]:
    """Bars kept of batches drawn from rows, as a table."""
    import torch

    from geoscope.regularizers import class_entropies

    yield "| selection | factor on Q | batch | bars | kept, mean (least to most) | share | deficit | without gradient |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for (selection, factor), batch in product(SELECTIONS, BATCHES):
        rng, generator = np.random.default_rng(batch), torch.Generator().manual_seed(batch)
        found = []
        for _ in range(DRAWS):
            points = torch.from_numpy(np.asarray(cloud[rng.choice(len(cloud), batch, replace=False)], dtype=np.float64))
            made = class_entropies(points, selection=selection, selection_factor=factor, generator=generator)
            found += [(each.bars, each.kept, each.deficit, made.flat) for each in made.selected]
        bars, kept_bars, deficits, flat = np.array(found, dtype=np.float64).T
        spread = f"{kept_bars.mean():.3g} ({kept_bars.min():.0f} to {kept_bars.max():.0f})"
        shares = f"{100 * np.mean(kept_bars / bars):.3g} % | {deficits.mean():.2g} | {100 * flat.mean():.3g} %"
        yield f"| {selection} | {factor:g} | {batch} | {bars.mean():.3g} | {spread} | {shares} |"


def times(steps: int) -> Iterator[str]:
    """Forward and backward of the loss of all bars, and of the published selection, beside ripser's, as a table."""
    from geoscope.regularizers import persistent_entropy_loss

    routes: dict[str, Callable[[Any, Any], Any]] = {
        "all bars": lambda points, labels: persistent_entropy_loss(points, labels),
        "published": lambda points, labels: persistent_entropy_loss(points, labels, selection="published"),
    }
    if find_spec("ripser") is not None:
        routes["ripser, all bars"] = _with_ripser
    yield f"| batch | dimensions | classes | {' | '.join(routes)} | largest difference from ripser |"
    yield f"|--:|--:|--:|{'--:|' * len(routes)}--:|"
    for batch, d, classes in product(SIZES, DIMENSIONS, CLASSES):
        if batch < 6 * classes:
            continue
        taken, values = zip(*(_timed(route, batch, d, classes, steps) for route in routes.values()), strict=True)
        gap = f"{abs(values[0] / values[-1] - 1):.1g}" if len(routes) > 2 else "ripser is not installed"
        yield f"| {batch} | {d} | {classes} | {' | '.join(f'{each:.3g}' for each in taken)} | {gap} |"


def _timed(route: Callable[[Any, Any], Any], batch: int, d: int, classes: int, steps: int) -> tuple[float, float]:
    """Median milliseconds of a step, after one that warms up, and the loss."""
    import torch

    points = torch.randn(batch, d, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.arange(batch) % classes
    seconds = []
    for _ in range(steps + 1):
        points.grad = None
        start = time.perf_counter()
        loss = route(points, labels)
        loss.backward()
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds[1:]), float(loss.detach())


def _with_ripser(points: Any, labels: Any) -> Any:
    """The same loss of all bars: ripser's deaths, each found again among the distances, which carry the gradient."""
    import torch
    from ripser import ripser

    total = points.new_zeros(())
    for label in torch.unique(labels):
        members = points[labels == label]
        distances = torch.cdist(members, members, compute_mode="donot_use_mm_for_euclid_dist")
        upper = torch.triu_indices(len(members), len(members), 1)
        flat = distances[upper[0], upper[1]]
        found = ripser(distances.detach().numpy(), distance_matrix=True, maxdim=0)["dgms"][0][:, 1]
        deaths = torch.from_numpy(found[np.isfinite(found)]).to(flat)
        ordered, places = torch.sort(flat.detach())
        at = torch.searchsorted(ordered, deaths).clamp(max=len(ordered) - 1)
        before = (at - 1).clamp(min=0)
        nearer = (ordered[before] - deaths).abs() < (ordered[at] - deaths).abs()
        lengths = flat[places[torch.where(nearer, before, at)]]
        total = total - torch.special.entr(lengths / lengths.sum()).sum()
    return total


if __name__ == "__main__":
    main()

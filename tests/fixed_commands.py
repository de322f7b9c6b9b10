"""A fixed set of commands whose measurements a change of structure must leave as they are, to the byte.

`make same-numbers BASE=commit` runs them on two trees and compares the bytes; `test_fixed_commands.py` holds them to
the values in `fixed_commands.json`, up to what another machine rounds differently.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

COMMANDS: dict[str, str] = {
    "array": "measure cloud.npy --format json",
    "wide": "measure wide.npy --null matched --format json",
    "groups": "measure first.npz --groups sequence --null matched --format json",
    "corpus": "measure first.npz --groups sequence --population corpus --points 300 --isoscore-zeta 0.3 --format json",
    "quantizers": "measure first.npz --groups sequence --quantizer pq --codebooks 2 --bits 6 --measures patchiness,"
    "reconstruction --seed 3 --format json",
    "demo": "measure demo --sequences 25 --layers 0,6 --memory 3GB --measures anisotropy,isotropy,persistence,"
    "dimension,warning_signs --format json",
    "union": "measure demo --sequences 30 --layers union --tokens no-first --no-errors --points 400 --format csv",
    "protocol": "measure demo --protocol rudman2024 --sequences 30 --corpus sample --measures isoscore,two_nn "
    "--format json",
    "pooled": "measure demo --corpus sample --sequences 30 --words 4-49 --pooling mean --max-length 16 "
    "--measures anisotropy,dimension --format json",
    "extract": "extract demo -o rows --sequences 30 --layers all --tokens content",
    "extract-again": "extract demo -o rows-again --sequences 30 --layers all --tokens content",
    "extracted": "measure rows --layers -1,2 --measures isotropy,dimension --format json",
    "several": "measure cloud.npy wide.npy --measures anisotropy --format csv",
    "compare": "compare first.npz second.npz --groups sequence --margin 1% --fail-on two_nn:-1% --format json",
    "align": "compare first.npz short.npz --groups sequence --align --measures anisotropy,persistence --format json",
    "similarity": "compare rows rows-again --similarity --layers 2,6 --measures anisotropy --format json",
    "like-report": "compare pooled.json demo --format json",
    "check": "check first.json anisotropy<0.5 two_nn>2 --format json",
    "fails": "check first.json anisotropy<0.05 --format json",
    "floor-draws": "noise-floor first.npz --groups sequence --draws 4 --isoscore-zeta 0.2 --format json",
    "floor-text": "noise-floor demo --sequences 60 --draws 3 --max-length 24 --tokens content --measures "
    "isotropy,dimension --format json",
    "floor-trainings": "noise-floor first.json second.json third.npz --groups sequence --format json",
    "size-curve": "size-curve first.npz --groups sequence --sequence-counts 25 --measures isotropy,two_nn "
    "--format json",
    "transform": "measure first.npz --groups sequence --transform drop-top=1,whiten=0.5 --measures anisotropy,isotropy "
    "--format json",
    "perturb": "perturb demo --levels 0,20 --seeds 2 --sequences 24 --max-length 16 --no-errors --quantizer-grid 2x4,6 "
    "--measures anisotropy,two_nn,patchiness --format json",
    "correlate": "correlate first.json second.json third.json fourth.json scores.csv --format json",
}
"""The commands, in an order in which later ones may read what earlier ones wrote."""

_KEPT = {"groups": "first.json", "pooled": "pooled.json"}
_ROWS = ("points", "associations", "floors", "measurements", "differences", "limits")
_PLACES = ("limit", "measure", "layer", "size", "noise_level", "noise_seed", "codebooks", "bits")
_NUMBERS = ("value", "difference", "mean", "pearson")
_APART = ("environment", "geoscope_version")


def make_inputs(folder: Path) -> None:
    """The files that the commands name, seeded."""
    rng = np.random.default_rng(0)
    np.save(folder / "cloud.npy", (rng.normal(size=(300, 12)) * np.linspace(1, 3, 12) + 5).astype(np.float32))
    np.save(folder / "wide.npy", rng.normal(size=(9, 20)))
    for number, name in enumerate(("first", "second", "third", "fourth")):
        sequence = np.repeat(np.arange(50), 10)
        rows = rng.normal(size=(50, 16))[sequence] + rng.normal(size=(500, 16)) * np.linspace(1, 2 + number, 16)
        rows[490:] = rows[480:490]  # duplicates
        np.savez(folder / f"{name}.npz", rows=rows.astype(np.float32), sequence=sequence)
    kept = sequence < 40
    np.savez(folder / "short.npz", rows=rng.normal(size=(400, 16)).astype(np.float32), sequence=sequence[kept])
    scores = [("first.npz", 0.71), ("second.npz", 0.74), ("third.npz", 0.78), ("fourth.npz", 0.77)]
    (folder / "scores.csv").write_text("subject,score\n" + "".join(f"{name},{score}\n" for name, score in scores))


def run(folder: Path) -> dict[str, Any]:
    """What each command printed, in `folder`: its exit code, and its result without what may differ in rounding."""
    from geoscope.cli.app import main

    make_inputs(folder)
    found: dict[str, Any] = {}
    with contextlib.chdir(folder):
        for name in ("second", "third", "fourth"):
            main(["measure", f"{name}.npz", "--groups", "sequence", "-o", f"{name}.json", "--quiet"])
        for name, command in COMMANDS.items():
            held, heard = io.BytesIO(), io.StringIO()
            printed = io.TextIOWrapper(held, encoding="utf-8")
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(heard):
                code = main(command.split())
            printed.flush()
            text = held.getvalue().decode()
            if name in _KEPT:
                Path(_KEPT[name]).write_text(text)
            if code in (2, 3):
                raise SystemExit(f"{name} ended with {code}: {heard.getvalue()}")
            found[name] = {"code": int(code), "result": _without(text)}
    return found


def numbers_of(result: Any) -> dict[str, float | None]:
    """The number that each row of a result is there for, by what the row is of."""
    if isinstance(result, list):
        cells = [line.split(",") for line in result[1:]]
        return {" ".join(row[:3]): float(row[3]) if row[3] else None for row in cells}
    rows = next(result[name] for name in _ROWS if result.get(name))
    found = {}
    for row in rows:
        named = {name: row.get(name) for name in _PLACES}
        if isinstance(named["limit"], float):  # a floor's limit is a number of its own, and no name
            del named["limit"]
        key = " ".join(str(value) for value in named.values() if value is not None)
        number = next(row[name] for name in _NUMBERS if name in row)
        found[key] = number["value"] if isinstance(number, dict) else number
    return found


def _without(text: str) -> Any:
    """Parsed JSON less the environment; other text by lines."""
    if not text.startswith("{"):
        return text.splitlines()
    result = json.loads(text)
    return {key: value for key, value in result.items() if key not in _APART}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(run(Path(sys.argv[2])), indent=1) + "\n")

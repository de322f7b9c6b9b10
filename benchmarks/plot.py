"""The plot of cost against n."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

STYLES = {"geoscope sweep": "o-", "SGEMM": "s--", "ripser": "^:", "skdim TwoNN": "v:"}


def draw(sections: Mapping[str, Any], path: Path) -> bool:
    """Seconds and memory against n, both on logarithmic axes; False where there is nothing to draw or to draw with."""
    rows = [row for row in sections.get("growth", {}).get("results", []) if row["seconds"]]
    if not rows:
        return False
    try:
        import matplotlib as mpl
    except ImportError:
        return False
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (time, memory) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for case, style in STYLES.items():
        own = sorted((row["n"], row["median_seconds"], row["peak_bytes"] / 1e6) for row in rows if row["case"] == case)
        if own:
            n, seconds, peaks = zip(*own, strict=True)
            time.loglog(n, seconds, style, label=case)
            memory.loglog(n, [max(peak, 1) for peak in peaks], style, label=case)
    d = rows[0]["d"]
    time.set(xlabel="rows n", ylabel="seconds", title=f"Neighbours and H0 bars, d = {d}")
    memory.set(xlabel="rows n", ylabel="MB above the data", title="Peak memory")
    time.legend(frameon=False)
    for axes in (time, memory):
        axes.grid(alpha=0.3, which="both")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True

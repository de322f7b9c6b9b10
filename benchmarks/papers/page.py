"""The page: docs/papers.md, of the claims, the commands and what the kept results say of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.papers.claims import PAPERS, Claim, Paper
from benchmarks.papers.findings import NOT_RUN, leading_score, trained
from benchmarks.papers.steps import Step, steps
from benchmarks.tables import table

PAGE = Path(__file__).parents[2] / "docs" / "papers.md"

_HEAD = """# Three papers, claim by claim

Made by `make papers` from the results in `benchmarks/papers/results`; nothing on this page is typed by hand but the
claims, in our words, and what such runs cannot say. Checkpoints: all-MiniLM-L6-v2 (`demo`: 6 layers, 384 dimensions)
and, where it says so, all-mpnet-base-v2. Two processor cores.

A verdict needs an interval, but for bars, which are counted: **as claimed** and **against it** are said where the 95 %
interval leaves 0 out, on that side; else it **cannot be told** from these runs. Intervals of one task are of a paired t
test over seeds, those of a size curve by the smallest sample's own error; those of several tasks take them as a sample
of tasks. They are not adjusted for how many claims are looked at: of twenty without truth one would come out.
"""


def page() -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD, *map(_of_paper, PAPERS), _scores(), _layers(), _commands()]
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _of_paper(paper: Paper) -> str:
    rows = [(claim.words, ", ".join(_names(claim)), *_found(claim)) for claim in paper.claims]
    claims = table(("claim", "steps", "what came out", "verdict"), rows)
    return f"## {paper.title}\n\n{paper.source}.\n\n{claims}\n\nWhat cannot be said: {paper.limits}\n"


def _found(claim: Claim) -> tuple[str, str]:
    found = claim.found()
    return found.words, found.verdict if found.verdict == NOT_RUN else f"**{found.verdict}**"


def _names(claim: Claim) -> Iterator[str]:
    for step in steps():
        if step.name.startswith(claim.steps) and (step.result.is_file() or not _is_group(claim)):
            yield f"`{step.name}`"


def _is_group(claim: Claim) -> bool:
    return any(name.endswith("-") for name in claim.steps)


def _scores() -> str:
    """Every arm's leading score, by task."""
    rows = []
    for task, study in trained().items():
        name = leading_score(study)
        for arm in study.arms:
            spread = next(each for each in arm.scores if each.measure == name)
            paired = spread.against_none
            interval = (
                "" if paired is None or paired.interval is None else "{:+.3f} to {:+.3f}".format(*paired.interval)
            )
            rows.append(
                (
                    task, name, arm.name, "" if spread.mean is None else f"{spread.mean:.3f}",
                    "" if paired is None else f"{paired.difference:+.3f}", interval,
                    f"{len(arm.one_class)} of {len(arm.seeds)}" if "one_class" in arm.model_fields_set else "not known",
                )
            )  # fmt: skip
    head = ("task", "score", "arm", "mean", "less none", "95 % interval", "seeds that predict one class")
    return f"## Scores\n\n{table(head, rows)}\n" if rows else ""


def _layers() -> str:
    """IsoScore* and TwoNN of every layer, before and after, means over seeds."""
    parts = []
    for task, study in trained().items():
        for measure in dict.fromkeys(row.measure for row in study.before):
            before = _by_layer(study.before, measure, "value")
            after = {arm.name: _by_layer(arm.geometry, measure, "mean") for arm in study.arms}
            rows = [
                (name, *("" if held.get(layer) is None else f"{held[layer]:.4g}" for layer in sorted(before)))
                for name, held in {"before training": before, **after}.items()
            ]
            head = ("arm", *(f"layer {layer}" for layer in sorted(before)))
            parts.append(f"**{task}, {measure}**\n\n{table(head, rows)}\n")
    return "## Every layer\n\nOf token states of the evaluation examples.\n\n" + "\n".join(parts) if parts else ""


def _by_layer(rows: Iterable[Any], measure: str, value: str) -> dict[int, float | None]:
    """A measure's value of the token states of each layer."""
    return {
        row.layer: getattr(row, value)
        for row in rows
        if row.measure == measure and row.layer is not None and row.cloud != "first"
    }


def _commands() -> str:
    """What to type for each step, and whether there is a result of it."""
    rows = [(f"`{step.name}`", _line(step), "yes" if step.result.is_file() else "no") for step in steps()]
    told = table(("step", "command", "run"), rows)
    return f"## Commands\n\n`DATA` and `MPNET` are folders of yours.\n\n{told}\n"


def _line(step: Step) -> str:
    return f"`geoscope {' '.join(step.line({'data': 'DATA', 'mpnet': 'MPNET'}))}`"

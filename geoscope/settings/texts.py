"""Texts: what an option's text means, on the command line and in the library alike."""

from __future__ import annotations

from collections.abc import Sequence

from geoscope.catalogue import FAMILIES, GROUPS, KEYS, select
from geoscope.errors import GeoscopeError
from geoscope.transforms import steps_of
from geoscope.wording import meant

LAYER_WORDS = ("last", "all", "union")
"""What --layers may be beside numbers."""

DEVICE_WORDS = ("auto", "cpu", "cuda", "mps")
"""What --device may be."""

TEXT_TASK_WORDS = ("cola", "sst2", "mrpc", "rte", "stsb", "qnli", "qqp", "mnli", "mnli-mm", "wnli", "sst5")
"""The tasks that have a name, and whose examples are texts with a label."""

TASK_WORDS = (*TEXT_TASK_WORDS, "squad")
"""Every task that has a name."""

MEASURE_WORDS = tuple(dict.fromkeys((*(family.replace(" ", "_") for family in FAMILIES), *GROUPS, *KEYS)))
"""The names of families, groups and measures, as they are typed."""


def points_of(points: str | int | None) -> int | None:
    """A number of rows, or None for all of them."""
    if points is None or points == "all":
        return None
    try:
        count = int(points)
    except ValueError:
        count = 0
    if count < 1:
        raise GeoscopeError(f"expected --points to be a number above 0 or all, got {points!r}; give one of them")
    return count


def layers_of(text: str) -> str:
    """What --layers was, if that is words or numbers that it takes; which layers there are is known later."""
    if text not in LAYER_WORDS:
        layer_numbers(text)
    return text


def layer_numbers(wanted: str | Sequence[object]) -> list[int]:
    """The numbers in a comma-separated list, or of a list; "last" is -1."""
    parts = wanted.split(",") if isinstance(wanted, str) else wanted
    try:
        numbers = [-1 if part == "last" else int(part) for part in parts]  # type: ignore[call-overload]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        raise GeoscopeError(
            f"expected --layers to be {', '.join(LAYER_WORDS)} or numbers such as 0,6,-1, got '{wanted}'; "
            f"{meant(str(wanted), LAYER_WORDS, 'give one of them')}"
        )
    return numbers


def names_of(text: str) -> list[str]:
    """The names in a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def transforms_of(text: str) -> list[str]:
    """The transforms in a comma-separated list, checked before any work is done."""
    return [str(step) for step in steps_of(text)]


def keys_of(text: str) -> list[str]:
    """The measures and families in a comma-separated list, checked before any work is done."""
    names = names_of(text)
    select(names)
    return names


def counts_of(text: str) -> list[int]:
    """The whole numbers from 1 in a comma-separated list."""
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise GeoscopeError(f"expected whole numbers from 1 with commas between, got {text!r}; give such as 250,500")
    return counts


def share_of(given: str | float) -> float:
    """A share such as 5% or 0.05."""
    text = str(given)
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise GeoscopeError(f"expected --margin to be a share such as 5% or 0.05, got {given!r}; give one of 0 or more")
    return share


def ranks_of(text: str) -> str:
    """What --alpha-req-ranks was, if that is two ranks."""
    rank_numbers(text)
    return text


def rank_numbers(text: str) -> tuple[int, int]:
    """The first and the last rank in FIRST-LAST."""
    first, _, last = str(text).partition("-")
    try:
        ranks = int(first), int(last)
    except ValueError:
        ranks = 0, 0
    if not 1 <= ranks[0] < ranks[1]:
        raise GeoscopeError(
            f"expected --alpha-req-ranks to be two ranks from 1, the smaller first, got {text!r}; give such as 11-100"
        )
    return ranks


def numbers_of(text: str, option: str) -> tuple[float, ...]:
    """The finite numbers of a comma-separated list."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or any(abs(number) == float("inf") or number != number for number in numbers):
        raise GeoscopeError(f"expected {option} to hold numbers with commas between, got {text!r}; give such")
    return numbers


def whole_numbers_of(text: str, option: str) -> tuple[int, ...]:
    """The whole numbers of a comma-separated list."""
    numbers = numbers_of(text, option)
    if not all(number.is_integer() for number in numbers):
        raise GeoscopeError(f"expected {option} to hold whole numbers with commas between, got {text!r}; give such")
    return tuple(int(number) for number in numbers)

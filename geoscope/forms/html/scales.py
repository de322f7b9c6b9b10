"""Scales: from numbers to pixels, with ticks at round numbers and labels that do not touch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

LABEL_GAP = 8.0
"""Pixels between two labels on one axis, at least."""

OFF_CHART = 4.0
"""A null that would stretch an axis by more is told instead of drawn."""

_CHARACTER = 6.7  # pixels, of a digit at the charts' 11 px, rounded up
_MOST = 1e300  # numbers beyond are drawn there, so that spans stay finite
_LEAST = 1e-300  # numbers below are drawn as 0
_ALIKE = 1e-5  # a span smaller than this share of the numbers is drawn as none
_ROWS = 6  # numbers on an axis of values, at most
_MANY_TIMES = 20  # levels this many times apart are drawn on a logarithmic axis

Tick = tuple[float, str]


def width_of(text: str) -> float:
    """Pixels that a label takes, not less than a browser draws."""
    return _CHARACTER * len(text)


def shortened(said: str, room: float) -> str:
    """Words that fit into so many pixels; what is left out is left out in the middle."""
    most = max(3, int(room / width_of("0")))
    if len(said) <= most:
        return said
    head = (most - 1) // 2
    return f"{said[:head]}…{said[len(said) - (most - 1 - head) :]}"


def bounded(value: float) -> float:
    """A number that arithmetic on the chart cannot take to infinity."""
    return max(-_MOST, min(_MOST, value))


def ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[Tick]:
    """Round numbers from low to high (low < high) with their labels, 1, 2 or 5 times a power of ten apart.

    most: how many at most, 2 or more. whole: integers only.
    """
    exponent = floor(log10((high - low) / most))
    if whole:
        exponent = max(0, exponent)
    steps = [(mantissa, exponent + more) for more in (0, 1) for mantissa in (1, 2, 5)]
    for mantissa, power in steps:
        step = float(f"{mantissa}e{power}")
        first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
        if last - first < most:
            break
    # read from decimals, since k * step would leave 0.30000000000000004
    values = [float(f"{place * mantissa}e{power}") for place in range(first, last + 1)]
    return [(value, tick_label(value, power)) for value in values]


def tick_label(value: float, exponent: int) -> str:
    """A multiple of 10^exponent in as few characters as tell it apart from its neighbours."""
    if value == 0:
        return "0"
    if exponent >= -5 and abs(value) < 1e6:
        return f"{value:.{max(0, -exponent)}f}"
    digits = max(0, floor(log10(abs(value))) - exponent)
    number, power = f"{value:.{digits}e}".split("e")
    return f"{number}e{int(power)}"


@dataclass(frozen=True)
class Scale:
    """An axis: low is drawn at pixel start, high at pixel end, numbers between them by `warp`."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[Tick, ...] = ()
    warp: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """The pixel of a number; those outside are drawn at the edge."""
        low, high = self.warp(self.low), self.warp(self.high)
        share = (self.warp(max(self.low, min(self.high, value))) - low) / (high - low)
        return self.start + (self.end - self.start) * share


def value_range(values: Iterable[float]) -> tuple[float, float]:
    """The span of one number or more and a little room around it; a span of its own where they are all alike."""
    bounds = [bounded(value) for value in values]
    low, high = min(bounds), max(bounds)
    size = max(abs(low), abs(high))
    if size < _LEAST:
        return -1.0, 1.0
    room = 0.06 * (high - low) if high - low > _ALIKE * size else 0.05 * size
    return max(0.0, low - room) if low > 0 else low - room, high + room


def empty_scale(start: float, end: float) -> Scale:
    """An axis of nothing: no number stands at it."""
    return Scale(-1.0, 1.0, start, end)


def standing_scale(values: Sequence[float], base: float, top: float) -> Scale:
    """A vertical axis that holds some numbers."""
    if not values:
        return empty_scale(base, top)
    low, high = value_range(values)
    return Scale(low, high, base, top, tuple(ticks(low, high, _ROWS)))


def lying_scale(values: Sequence[float], start: float, end: float) -> Scale:
    """A horizontal axis that holds some numbers, with as many labels as do not touch, six at most."""
    if not values:
        return empty_scale(start, end)
    low, high = value_range(values)
    for most in range(_ROWS, 1, -1):
        chosen = ticks(low, high, most)
        # half as wide again, for a label at the end that is moved inwards to stay on the chart
        room = 1.5 * max(width_of(label) for _, label in chosen) + LABEL_GAP
        if (chosen[-1][0] - chosen[0][0]) / (high - low) * (end - start) >= room * (len(chosen) - 1):
            return Scale(low, high, start, end, tuple(chosen))
    return Scale(low, high, start, end, tuple(chosen[:1]))


def layer_scale(layers: Sequence[float], start: float, end: float) -> Scale:
    """An axis of whole numbers, labelled as densely as their labels allow."""
    if not layers:
        return empty_scale(start, end)
    low, high = min(layers), max(layers)
    if low == high:
        return Scale(low - 1, high + 1, start, end, ((low, f"{low:.0f}"),))
    room = max(width_of(f"{layer:.0f}") for layer in (low, high)) + LABEL_GAP
    most = max(2, int(abs(end - start) / room))
    return Scale(low, high, start, end, tuple(ticks(low, high, most, whole=True)))


def level_scale(levels: Sequence[float], start: float, end: float) -> Scale:
    """An axis labelled at the levels there are, logarithmic where they are many times apart, 0 left of the rest."""
    chosen = sorted(set(levels))
    if not chosen:
        return empty_scale(start, end)
    low, high = chosen[0], chosen[-1]
    if low == high:
        return Scale(low - 1, high + 1, start, end, ((low, f"{low:zg}"),))
    positive = [level for level in chosen if level > 0]
    warp: Callable[[float], float] = float
    if low >= 0 and positive[-1] / _MANY_TIMES >= positive[0]:
        warp = _logarithm(positive[0], positive[-1])
    bare = Scale(low, high, start, end, warp=warp)
    return Scale(low, high, start, end, tuple((level, f"{level:zg}") for level in _apart(chosen, bare)), warp)


def _logarithm(least: float, most: float) -> Callable[[float], float]:
    """The logarithm, with 0 a tenth of the span below the least positive level."""
    bottom = log10(least) - 0.1 * (log10(most) - log10(least))
    return lambda value: log10(value) if value > 0 else bottom


def _apart(levels: Sequence[float], scale: Scale) -> list[float]:
    """The levels whose labels do not touch: the first, the last, and those between that have room."""
    kept = [levels[0]]
    last = levels[-1]

    def touches(one: float, other: float) -> bool:
        needed = (width_of(f"{one:zg}") + width_of(f"{other:zg}")) / 2 + LABEL_GAP
        return abs(scale(one) - scale(other)) < needed

    for level in levels[1:-1]:
        if not touches(kept[-1], level) and not touches(level, last):
            kept.append(level)
    return [*kept, last]

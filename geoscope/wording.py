"""Wording: numbers, lists, layers and keys as every sentence, table and page tells them. Rounds for display only."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol


class HeldLayer(Protocol):
    """A row that holds a layer against a candidate's; a row of one report has no candidate."""

    @property
    def layer(self) -> int | None: ...
    @property
    def candidate(self) -> str | None: ...
    @property
    def candidate_layer(self) -> int | None: ...


def listed(items: Sequence[object], most: int = 3) -> str:
    """The items with commas between; of more than so many the first, and how many follow."""
    rest = len(items) - most
    return ", ".join(map(str, items[:most])) + (f" and {rest} more" if rest > 0 else "")


def all_of(items: Sequence[str]) -> str:
    """All the items, an "and" before the last."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def meant(given: str, names: Iterable[str], otherwise: str, *, cutoff: float = 0.6) -> str:
    """What to do about a name that is none of these: the nearest of them, if one is near (1: equal)."""
    near = get_close_matches(given, list(names), n=1, cutoff=cutoff)
    return f"did you mean {near[0]}?" if near else otherwise


def key_names(keys: Mapping[str, Any]) -> str:
    """A study's key columns in words: noise level 5, noise seed 0."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value:zg}" if isinstance(value, float) else f"{name.replace('_', ' ')} {value}"
        for name, value in keys.items()
    )


def crosses_layers(row: HeldLayer) -> bool:
    """Whether it holds a layer against another of the candidate's."""
    return row.candidate is not None and row.candidate_layer != row.layer


def layer_cell(row: HeldLayer) -> int | str | None:
    """The layer in a column of layers: a number, or words where it takes two."""
    return layer_name(row).removeprefix("layer ") if crosses_layers(row) else row.layer


def layer_name(row: HeldLayer) -> str:
    """The layer, and the candidate's where it is another; empty for a file's only cloud."""
    if crosses_layers(row):
        return layers_in_words(row.layer, row.candidate_layer)
    return "" if row.layer is None else f"layer {row.layer}"


def layer_in_words(layer: int | None) -> str:
    """A layer by its number; a file's only cloud has none."""
    return "one cloud" if layer is None else f"layer {layer}"


def layers_in_words(base: int | None, candidate: int | None) -> str:
    """A layer of the base and the other one of the candidate that it is held against."""
    return f"{layer_in_words(base)} (candidate: {layer_in_words(candidate)})"


def layer_ranges(layers: Iterable[int]) -> str:
    """Several layers in few words: 0 to 4, 6."""
    runs: list[list[int]] = []
    for layer in sorted(set(layers)):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    told = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(told)


def layers_together(layers: Iterable[int | None]) -> str:
    """Layers in words: layer 3; layers 0 to 4, 6; a file's only cloud."""
    numbers = sorted({layer for layer in layers if layer is not None})
    return layer_in_words(None) if not numbers else f"layer{'s' * (len(numbers) > 1)} {layer_ranges(numbers)}"


_DIGITS = 7  # of a fingerprint or a commit, as git shows them


def short_names(names: Sequence[str]) -> list[str]:
    """What subjects are called in titles and labels: of a path its last part, where no two are then the same."""
    short = [_last_part(name) for name in names]
    return short if len(set(short)) == len(set(names)) else list(names)


def _last_part(name: str) -> str:
    """The last part of a path; an id on the hub, which has one slash at most, stays as it is."""
    parts = [part for part in re.split(r"[/\\]", name) if part]
    is_path = name[:1] in "./~\\" or len(parts) > 2 or "\\" in name
    return parts[-1] if is_path and parts and parts[-1] not in (".", "..", "~") else name


def sentence(text: str) -> str:
    """A sentence with a full stop."""
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def code_and_words(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text, and whether each stood between backticks."""
    pieces = re.split(r"`([^`]+)`", text)
    return [(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece]


def rounded(value: float) -> str:
    """Four significant digits, for display."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        return f"{value:.3e}"
    return f"{value:.0f}" if size >= 1000 else f"{value:#.4g}".rstrip(".")


def cell_text(cell: Any) -> str:
    """A cell of a table: nothing for None, a number rounded, yes or no, text that is safe to print."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, list | tuple):
        return ", ".join(map(cell_text, cell))
    return rounded(cell) if isinstance(cell, float) else printable(str(cell))


def between(ends: tuple[float, float] | None, told: Callable[[float], str] | None = None) -> str | None:
    """An interval for display: its ends, rounded unless told otherwise."""
    return None if ends is None else " to ".join(map(told or rounded, ends))


def capital(sentence: str) -> str:
    """A sentence with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]


def numbered(names: Sequence[str]) -> list[str]:
    """The names; those that several share are numbered."""
    return [
        name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    ]


def told_apart(names: Sequence[str], facts: Sequence[Mapping[str, str]]) -> list[str]:
    """The names; to those that several share, the first fact is added that differs in each of them, else their number.

    facts: what is known of each, in words.
    """
    found, told = numbered(names), list(names)
    for name in dict.fromkeys(names):
        held = [place for place, each in enumerate(names) if each == name]
        keys = dict.fromkeys(key for place in held for key in facts[place])
        words = [[facts[place].get(key) for place in held] for key in keys]
        apart = next((each for each in words if None not in each and len(set(each)) == len(held)), None)
        for at, place in enumerate(held if len(held) > 1 else []):
            told[place] = found[place] if apart is None else f"{name} ({apart[at]})"
    return told


def short_print(fingerprint: str | None) -> str:
    """The first digits of a fingerprint, which tell it from others."""
    return (fingerprint or "").rpartition(":")[2][:_DIGITS]


def signed(value: float) -> str:
    """One decimal with its sign, for display; what rounds to nothing has no sign."""
    shown = f"{value:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown


def percent_change(value: float) -> str:
    """A change's share of what it changed, in percent, for display."""
    return f"{signed(100 * value)} %"


def coefficient(value: float) -> str:
    """A number from -1 to 1, for display."""
    return f"{value:z.3f}"


def cells_wide(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
"""Characters that steer a terminal, turn the direction of text or take no room: control, bidirectional, zero-width."""


def printable(text: str, kept: str = "") -> str:
    """Text whose control, bidirectional and zero-width characters are shown as their escapes: \\x1b, \\n, \\u202e.

    Names come from others: nothing in them steers a terminal, breaks a table, or reads as what it is not.
    kept: those of them that do no harm where the text goes.
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] in kept else found[0].encode("unicode_escape").decode(), text)


def printable_json(text: str) -> str:
    """The same JSON, where such characters in its strings are escaped as JSON does it."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNSEEN.sub(lambda found: found[0] if found[0] == "\n" else json.dumps(found[0])[1:-1], text)

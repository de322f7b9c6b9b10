"""Attribution: what a report tells of who holds a layer's energy, its largest values and its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from geoscope.details import Details, EnergyShare, Hub, LargestValue
from geoscope.errors import Undefined
from geoscope.passes.attribution.holders import MOST, POSITIONS, Held, held
from geoscope.passes.gathering import Gathering
from geoscope.passes.moments import BLOCK_ROWS, safe_scale
from geoscope.passes.passes import Passes
from geoscope.rows import FloatArray, IntArray, RowIndex

DETAILS_BYTES = 2_000_000
"""Of all layers' details in a report."""
_TEXT = 40  # characters of a token
_LAYER_BYTES = 8_000  # of a layer's details, texts among them, at most

Texts = Callable[[int], str]


def details_of(cloud: Gathering, passes: Passes, text_of: Texts | None) -> Details:
    """A cloud's details. text_of: a token id's text, where that is wanted."""
    holders = cloud.holders
    if holders is None:
        raise ValueError("details were asked of rows that were read without them")
    index, tokens = holders.index, holders.placed
    note = None
    if holders.beyond:
        note = f"{holders.beyond:,} rows at positions from {POSITIONS:,} on are not told apart by position"
    by_position = holders.by_position()
    return Details(
        layer=cloud.layer,
        dimensions=_shares(holders.by_dimension()) or [],
        positions=_shares(by_position),
        token_ids=_shares(_by_token(passes.points, cloud.point_index), text_of) if tokens else None,
        largest=[
            LargestValue(value=each.value, dimension=each.dimension, **_who(index, each.place, tokens, text_of))
            for each in holders.largest
        ],
        hubs=_hubs(passes, cloud.point_index, tokens, text_of),
        note=note,
    )


def within_bound(details: Sequence[Details]) -> list[Details]:
    """The details of as many layers as stay within DETAILS_BYTES; the last one says which are left out."""
    most = DETAILS_BYTES // _LAYER_BYTES
    if len(details) <= most:
        return list(details)
    kept = list(details[:most])
    note = (
        f"the details of the {len(details) - most} layers after this one are left out: a report holds those of {most}"
    )
    kept[-1] = kept[-1].model_copy(update={"note": "; ".join(filter(None, (kept[-1].note, note)))})
    return kept


def _shares(found: Sequence[Held] | None, text_of: Texts | None = None) -> list[EnergyShare] | None:
    if found is None:
        return None
    return [
        EnergyShare(name=each.name, energy=each.energy, rows=each.rows, text=_text(each.name, text_of))
        for each in found
    ]


def _text(token_id: int | None, text_of: Texts | None) -> str | None:
    return None if text_of is None or token_id is None else text_of(token_id)[:_TEXT]


def _who(index: RowIndex, place: int, tokens: bool, text_of: Texts | None) -> dict[str, int | str | None]:
    """Which row it is: of a pooled one its sequence alone."""
    token = int(index.token_ids[place])
    known = token if tokens and token >= 0 else None
    return {
        "sequence": int(index.sequences[place]),
        "position": int(index.positions[place]) if tokens else None,
        "token_id": known,
        "text": _text(known, text_of),
    }


def _by_token(points: FloatArray, index: RowIndex) -> list[Held] | None:
    """The token ids whose sampled points hold most of their centred energy."""
    if len(points) == 0 or (index.token_ids < 0).all():
        return None
    scale = safe_scale(points)
    origin = points[0].astype(np.float64) * scale  # about a point, equal ones are exactly equal
    blocks = [points[start : start + BLOCK_ROWS] for start in range(0, len(points), BLOCK_ROWS)]
    mean = np.sum([(some.astype(np.float64) * scale - origin).sum(axis=0) for some in blocks], axis=0) / len(points)
    energies = np.concatenate(
        [np.square(some.astype(np.float64) * scale - origin - mean).sum(axis=1) for some in blocks]
    )
    names, place, counts = np.unique(index.token_ids, return_inverse=True, return_counts=True)
    least = 8 * np.finfo(np.float64).eps * float(np.abs(points).max()) * scale
    whole = float(energies.sum())
    if whole <= points.size * least**2:
        return []
    found = held(np.bincount(place, weights=energies).astype(np.float64), counts / len(points), whole)
    return [Held(int(names[each.name]), each.energy, each.rows) for each in found if names[each.name] >= 0]


def _hubs(passes: Passes, index: RowIndex, tokens: bool, text_of: Texts | None) -> list[Hub] | None:
    """The distinct points that are most often among the nearest of others; None where no measure has looked."""
    pairs = passes.pairs_made
    if pairs is None:
        return None
    try:
        counts: IntArray = passes.get("occurrences")
    except Undefined:  # of so few points each is a neighbour of all others
        return None
    order = np.argsort(-counts, kind="stable")[:MOST].tolist()
    return [Hub(count=int(counts[at]), **_who(index, int(pairs.distinct[at]), tokens, text_of)) for at in order]

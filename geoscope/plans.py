"""Plans: the memory that a measurement will need by its options, and what of it is left for a checkpoint's weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from geoscope.catalogue import STREAMED, select
from geoscope.estimates.estimator import measured, trainings_together
from geoscope.estimates.quantizer_grid import grid_of, quantizer_of
from geoscope.memory import Workload, estimate, fit, room_for_weights, workload
from geoscope.passes.gathering import GROUPS
from geoscope.protocols import resolved
from geoscope.rows import Source
from geoscope.settings.measuring import MeasureKeywords, Quantizing
from geoscope.settings.option import completed, part
from geoscope.settings.texts import points_of
from geoscope.sizes import parse_size
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.models.vocabulary import Vocabulary
from geoscope.subjects.text_subjects import Planned
from geoscope.torch_state import torch_device, with_float64
from geoscope.transforms import steps_of


def plan_of(given: Mapping[str, Any]) -> Planned | None:
    """What is done under --memory before a checkpoint's weights are loaded; None without a bound."""
    options = completed(MeasureKeywords, resolved(given))
    if options["memory"] is None:
        return None
    bound = parse_size(options["memory"])

    def plan(rows: Extraction | Vocabulary | None) -> int | None:
        if rows is None:  # told after loading
            return bound // 2
        work = workload_of(rows, rows.layers, options)
        if options["device_map"] is not None:
            return room_for_weights(work, bound)
        fit(work, bound)
        return None

    return plan


def workload_of(source: Source, layers: Collection[Any], options: MeasureKeywords) -> Workload:
    """What decides the memory that the measures of some layers need, by whichever quantizer needs most."""
    keys, errors = select(options["measures"]), options["errors"]
    parts = 0 if STREAMED.isdisjoint(keys) else (GROUPS if errors else 1)
    passes = {name for key in keys for name in measured(key).passes}
    device = with_float64(torch_device(options["device"]))
    works = [
        workload(
            source, layers, union=options["layers"] == "union", points=points_of(options["points"]), parts=parts,
            passes=passes, quantizer=each, errors=errors, null=options["null"],
            trainings=trainings_together(each, device, errors=errors),
            transforms=len(steps_of(options["transform"])),
            details=options["details"] or options["details_text"], between=options["between"] is not None,
            permutations=options["permutations"],
        )
        for each in grid_of(**part(Quantizing, options)) or (quantizer_of(options),)
    ]  # fmt: skip
    return max(works, key=lambda each: estimate(each).total)

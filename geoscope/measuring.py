"""The chosen measures over one subject, as a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from geoscope.bounds import refuse_irregular
from geoscope.catalogue import HEEDING, QUANTIZED, SKDIM, select
from geoscope.details import Details
from geoscope.device_memory import hold_to_device
from geoscope.environment import describe_environment, version_of
from geoscope.errors import GeoscopeError, telling_what_is_kept
from geoscope.estimates.attribution import details_of, within_bound
from geoscope.estimates.estimator import Estimate, Estimator, measured
from geoscope.estimates.quantizer_grid import grid_of, quantizer_of, refuse_size_beside_grid
from geoscope.files import path_of
from geoscope.measures.dimension import DISCARD
from geoscope.measures.libraries.scikit_dimension import load_skdim
from geoscope.memory import hand_back, hold_to
from geoscope.passes.cautions import DUPLICATE_TOLERANCE
from geoscope.passes.fitted_transforms import TransformedRows, transformed, why_biased
from geoscope.passes.gathering import Gathering, gather
from geoscope.passes.passes import Passes, PassSettings
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.passes.quantizers.faiss_package import gpu_encoders
from geoscope.plans import plan_of, workload_of
from geoscope.progress import Progress, in_parts
from geoscope.protocols import resolved
from geoscope.report import Measurement, Report
from geoscope.rows import FloatArray, Layer
from geoscope.run_folders import only_writer
from geoscope.settings.measuring import MeasureKeywords, Quantizing
from geoscope.settings.option import completed, part, takes
from geoscope.settings.texts import points_of
from geoscope.sizes import parse_size
from geoscope.spaces.between_layers import LayersBetween, told_work
from geoscope.subjects.embeddings.consecutive_rows import warn_if_grouped
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.opening import Opened, keep_rows, opened
from geoscope.subjects.row_files.array_files import matrix as as_matrix
from geoscope.subjects.row_files.array_files import read_npy
from geoscope.torch_state import full_precision, torch_device, with_float64
from geoscope.transforms import steps_of


@takes(MeasureKeywords)
@full_precision()
def measure(subject: Any, **given: Unpack[MeasureKeywords]) -> Report:
    """Measure one subject.

    Parameters
    ----------
    subject : array, model, path, name or Embeddings
        Rows: an (n, d) array, tensor (of any dtype, on any device), data frame or list of rows; a dict or list of such
        layers. Or a loaded transformers model, with `tokenizer` or as a pair with it, or a SentenceTransformer: they
        are read where they are and left exactly as they were. Or the name or folder of a checkpoint, an embeddings
        file or folder, ``"demo"``.
        A TextSubject has been drawn and loaded before: give the options it was opened with, which the report repeats.

    Returns
    -------
    Report
        A measurement for each layer and measure: value, standard error over sequences, null. A measure without a value
        is null with its reason, never an error.

    Raises
    ------
    GeoscopeError
        Where the subject or an option is unusable: one sentence that says what to do.

    Examples
    --------
    >>> import geoscope, numpy
    >>> rows = numpy.random.default_rng(0).standard_normal((1000, 16))
    >>> report = geoscope.measure(rows, measures=["isoscore", "two_nn"])
    >>> round(report["two_nn"].value, 1)
    14.0
    >>> report["isoscore"].value > 0.97
    True

    Layers by their numbers, and which sequence each row is of:

    >>> layers = {0: rows, 6: rows * numpy.linspace(0.1, 2, 16)}
    >>> report = geoscope.measure(layers, layers="all", measures="isoscore", groups=numpy.arange(1000) // 10)
    >>> {layer: round(value, 2) for layer, value in report["isoscore"].items()}
    {0: 0.98, 6: 0.52}
    """
    refuse_size_beside_grid(given)
    options = completed(MeasureKeywords, resolved(given))
    keys = select(options["measures"])
    if not SKDIM.isdisjoint(keys):
        load_skdim()
    errors, null, steps = options["errors"], options["null"], steps_of(options["transform"])
    grid = grid_of(**part(Quantizing, options))
    quantizers = grid or (quantizer_of(options),)
    reference, reference_name = _reference(options["isoscore_reference"])
    bound = None if options["memory"] is None else parse_size(options["memory"])
    bound_there = None if options["device_memory"] is None else parse_size(options["device_memory"], "--device-memory")
    opening = opened(subject, options, plan_of(options))
    source, union = opening.source, options["layers"] == "union"
    between = None if options["between"] is None else LayersBetween.of(opening.layers, union=union)
    if between is None and options["permutations"]:
        raise GeoscopeError("expected --between layers for --permutations, got none; give both or neither")
    if errors and isinstance(source, Embeddings):
        warn_if_grouped(source, opening.layers[-1])
    limit, device = points_of(options["points"]), with_float64(torch_device(options["device"]))
    made = [*opening.read_with.get("transform", []), *map(str, steps)]
    detailed, text_of = options["details"] or options["details_text"], _text_of(opening, options)
    work = workload_of(source, opening.layers, options)
    blocks = hold_to(bound, work, source, options["announce"])
    portions = hold_to_device(
        bound_there, replace(work, blocks=blocks), source, opening.layers, device, options["announce"],
        together=between is not None,
    )  # fmt: skip
    if between is not None and options["permutations"] and options["announce"] is not None:
        options["announce"](told_work(work.points, work.dimension, work.layers, work.permutations))
    progress = options["progress"]
    saved = None if options["run"] is None else f"the rows read so far are kept in {options['run']}"
    with only_writer(options["run"], "--run"), telling_what_is_kept(saved):
        keep_rows(opening, options["run"])
        heard = progress if isinstance(source, Embeddings) else None
        changed = transformed(source, opening.layers, steps, union=union, progress=progress) if steps else None
        clouds = gather(
            changed or source, opening.layers, union=union, points=limit, seed=options["seed"], parts=work.parts,
            positions=opening.token_positions, biased=why_biased(made), asked=work.passes,
            scattered=_why_scattered(opening, options), details=detailed,
            listener=None if between is None else between.listener(source, changed), progress=heard, device=device,
            at_once=portions.layers,
        )  # fmt: skip
    pass_settings = PassSettings(quantizers[0], device, portions.blocks, progress)
    finite = options["population"] == "corpus"
    fraction = (opening.sample.get("sampling_fraction") or 0.0) if finite else 0.0
    alike = (
        None if between is None else between.measured(clouds, pass_settings, options["permutations"], options["seed"])
    )
    formulas = {
        "isoscore_zeta": options["isoscore_zeta"],
        "isoscore_reference": reference,
        "alpha_req_ranks": options["alpha_req_ranks"],
    }
    with telling_what_is_kept(saved):
        rows, dropped, details = measure_clouds(
            clouds, keys, CloudOptions(pass_settings, formulas, errors, null, fraction, grid, text_of)
        )
    drawn = {"rows": clouds[0].rows, "points": len(clouds[0].sequences), "seed": options["seed"]}
    return Report(
        subject=opening.subject,
        sample=opening.sample | drawn | ({"dropped": dropped} if dropped else {}),
        settings=_settings(options, opening.read_with, keys, reference_name, _quantizer_settings(quantizers[0], grid))
        | _transforms(made, changed, opening.read_with),
        measurements=rows,
        details=within_bound(details) if detailed else None,
        between=alike,
        environment=describe_environment(device=pass_settings.device)
        | _encoder(quantizers[0], keys, work.dimension)
        | ({} if SKDIM.isdisjoint(keys) else version_of("scikit-dimension")),
    )


def _settings(
    options: MeasureKeywords, read_with: Mapping[str, Any], keys: Sequence[str], reference: str, quantizer: Any
) -> dict[str, Any]:
    """What a report says of the options that change a number, beside those its sample names."""
    layers, split, dtype = options["layers"], options["split"], options["dtype"]
    settings = {
        "measures": list(keys),
        "layers": layers if isinstance(layers, str) else ",".join(map(str, np.atleast_1d(layers))),
        "tokens": read_with.get("tokens", options["tokens"]),
        "split": read_with.get("split", split if split is None else list(split)),
        "dtype": read_with.get("dtype", "float32" if dtype == "auto" else dtype),
        "isoscore_zeta": options["isoscore_zeta"],
        "isoscore_reference": reference,
        "quantizer": quantizer,
        "two_nn_discard": DISCARD,
        "duplicate_tolerance": DUPLICATE_TOLERANCE,
        "errors": options["errors"],
        "population": options["population"],
        "null": options["null"],
    }
    further = {
        "alpha_req_ranks": None if HEEDING["alpha_req_ranks"].isdisjoint(keys) else options["alpha_req_ranks"],
        "words": read_with.get("words", options["words"]),
        "protocol": read_with.get("protocol", options["protocol"]),
        "column": options["column"],
        "groups": read_with.get("groups"),
        "sentence_model": read_with.get("sentence_model"),
        "streams": read_with.get("streams"),
        "tokenizer": read_with.get("tokenizer", options["tokenizer"]),
        "before_final_norm": read_with.get("before_final_norm", options["before_final_norm"] or None),
        "stack": read_with.get("stack", None if options["stack"] == "encoder" else options["stack"]),
    }
    return settings | {name: value for name, value in further.items() if value is not None}


def _why_scattered(opening: Opened, options: MeasureKeywords) -> str | None:
    """Why the rows that there are of a sequence are not what was read of it."""
    if opening.token_positions and opening.read_with.get("tokens", options["tokens"]) == "types":
        return "rows are one a type of token (--tokens types), which make no sequence"
    return None


def _text_of(opening: Opened, options: MeasureKeywords) -> Callable[[int], str] | None:
    """What makes text of a token id, where details are to have it."""
    if not options["details_text"]:
        return None
    source = opening.source
    if not opening.token_positions or not isinstance(source, Extraction):
        raise GeoscopeError(
            f"expected --details-text with a checkpoint that reads text, a row a token, got {opening.subject['name']}; "
            "--details tells token ids where rows have them"
        )
    tokenizer = source.checkpoint.tokenizer
    return lambda token_id: str(tokenizer.decode([token_id]))


def _transforms(made: Sequence[str], changed: TransformedRows | None, read_with: Mapping[str, Any]) -> dict[str, Any]:
    """What was done to the rows, by extract and then here, with what it was fitted to; nothing where nothing was."""
    fits = [*read_with.get("transform_fits", []), *(changed.told if changed else [])]
    return {"transform": list(made), "transform_fits": fits} if made else {}


def _encoder(chosen: QuantizerSettings, keys: Sequence[str], dimension: int) -> dict[str, Any]:
    """Where FAISS's local search quantizer searched, which may change codes but not what they are like."""
    if chosen.kind != "lsq-faiss" or QUANTIZED.isdisjoint(keys):
        return {}
    gpus = gpu_encoders(chosen.cells, dimension)
    return {"lsq_encoder": f"FAISS, {gpus} GPU{'s' * (gpus > 1)}" if gpus else "FAISS, CPU"}


def _reference(reference: Any) -> tuple[FloatArray | None, str]:
    """C0 as a matrix (None: the scaled identity), and its name in the report."""
    if reference is None or (isinstance(reference, str) and reference == "scaled-identity"):
        return None, "scaled-identity"
    if isinstance(reference, (str, os.PathLike)):
        path = path_of(reference, "a file as --isoscore-reference")
        refuse_irregular(path, "the IsoScore* reference covariance")
        if not path.is_file():
            raise GeoscopeError(
                f"expected the IsoScore* reference covariance in a .npy file, could not read {reference}: it is none; "
                "check the path"
            )
        matrix = as_matrix(read_npy(path), str(reference)).whole()
    else:
        matrix = np.asarray(reference)
    return matrix, _fingerprint(matrix)


def _fingerprint(matrix: FloatArray) -> str:
    from hashlib import sha256

    return "sha256:" + sha256(np.ascontiguousarray(matrix, dtype=np.float64).tobytes()).hexdigest()


def _quantizer_settings(chosen: QuantizerSettings, grid: Sequence[QuantizerSettings]) -> dict[str, Any]:
    size = {"grid": [f"{each.codebooks}x{each.bits}" for each in grid]}
    return {
        "kind": chosen.kind,
        **(size if grid else {"codebooks": chosen.codebooks, "bits": chosen.bits}),
        "seed": chosen.seed,
        "implementation": chosen.implementation,
    }


_LARGE = 2**22  # bytes of points; what smaller clouds leave behind is not worth the time


@dataclass(frozen=True)
class CloudOptions:
    """What the estimates need beside the rows; grid: the quantizers to measure by in turn, instead of passes' own.

    text_of: a token id's text, where details have it.
    """

    passes: PassSettings
    settings: dict[str, Any]
    errors: bool
    null: str
    fraction: float
    grid: tuple[QuantizerSettings, ...] = ()
    text_of: Callable[[int], str] | None = None


def measure_clouds(
    clouds: Sequence[Gathering], keys: Sequence[str], options: CloudOptions
) -> tuple[list[Measurement], list[dict[str, Any]], list[Details]]:
    """Every key of every cloud, the rows left out of each cloud that had some, and details of each read with them."""
    rows: list[Measurement] = []
    details: list[Details] = []
    dropped: list[dict[str, Any]] = []
    for cloud in in_parts(clouds, options.passes.progress, "layers"):
        passes = Passes(cloud.moments, cloud.take_points(), cloud.sequences, options.passes)
        estimator = Estimator(
            passes,
            options.settings,
            cloud.moments_without if options.errors else None,
            fraction=options.fraction,
            seen=len(passes.points) / cloud.rows,
            null=options.null,
        )
        if passes.points.nbytes > _LARGE:
            hand_back()  # what reading, or the cloud before, has let go of
        rows += _rows(cloud.layer, keys, estimator, options.grid, options.passes.progress)
        if passes.duplicates or cloud.zero_rows:
            dropped.append({"layer": cloud.layer, "duplicates": passes.duplicates, "zero_rows": cloud.zero_rows})
        if cloud.holders is not None:
            details.append(details_of(cloud, passes, options.text_of))
    return rows, dropped, details


def _rows(
    layer: Layer,
    keys: Sequence[str],
    estimator: Estimator,
    grid: Sequence[QuantizerSettings],
    progress: Progress | None,
) -> list[Measurement]:
    """A measurement a key, or of a quantized one a measurement a quantizer of the grid."""
    on_grid = [key for key in keys if grid and key in QUANTIZED]
    alone = [key for key in keys if key not in on_grid]
    found = {}
    for key in in_parts(alone, progress, "measures", _work(alone)):
        found[key] = [_measurement(layer, key, estimator.estimate(key))]
    for quantizer in in_parts(grid, progress, "quantizers"):  # one's codes are forgotten before the next is trained
        by_it = estimator.by(quantizer)
        size = {"codebooks": quantizer.codebooks, "bits": quantizer.bits}
        for key in on_grid:
            found.setdefault(key, []).append(_measurement(layer, key, by_it.estimate(key)).model_copy(update=size))
    return [row for key in keys for row in found[key]]


_WORK = {"bars": 40, "codes": 100, "heldout_codes": 90}
"""About how much longer these passes take, with errors and nulls, than a measure whose passes are there: by the seconds
of the demo checkpoint at 1,500 and 6,000 points."""


def _work(keys: Sequence[str]) -> list[int]:
    """How much each measure counts for: the first of a pass makes it for the others."""
    needed = [measured(key).passes for key in keys]
    return [
        1 + sum(_WORK.get(name, 0) for name in passes if not any(name in before for before in needed[:place]))
        for place, passes in enumerate(needed)
    ]


def _measurement(layer: Layer, key: str, estimate: Estimate) -> Measurement:
    return Measurement(layer=layer, measure=key, **vars(estimate))

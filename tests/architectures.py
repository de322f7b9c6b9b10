"""Every type of model, built small and measured as users do: `python tests/architectures.py [TYPE..]`.

Each layer is compared with a plain loop over single texts, and batches of one with full batches. Without types, those
of architectures.txt, which read text, and all others of AutoModel are taken, and docs/architectures.md is written.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from tiny_models import NotBuilt, build, describe, lines

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent / "docs" / "architectures.md"
SECONDS = 90
"""What one type may take."""

SAME = 1e-5
"""How far apart rows may be, of the row's norm."""

_BLOCKS = {
    "falcon_mamba": "layers", "mamba": "layers", "mamba2": "layers", "rwkv": "blocks",
    "sam3_lite_text_text_model": "layers",
}  # fmt: skip
"""Models whose own list of hidden states begins after the first block or is empty, and where their blocks are."""


@dataclass(frozen=True)
class Result:
    """What came of one type.

    loop: the largest difference from the plain loop of each layer. batches: the largest of batches of one. unbuilt: why
    there is no tiny model, where the reason is what is said of a folder with its configuration. double: where rows
    differ, the largest difference from the loop in float64.
    """

    model_type: str
    built: str | None = None
    measured: bool = False
    layers: tuple[int, ...] = ()
    last: int = 0
    loop: dict[int, float] = field(default_factory=dict)
    batches: float = 0.0
    notes: tuple[str, ...] = ()
    reason: str = ""
    unbuilt: str = ""
    double: float | None = None

    @property
    def same(self) -> bool:
        return self.measured and max(self.loop.values()) <= SAME and self.batches <= SAME


@cache
def texts() -> tuple[str, ...]:
    """12 texts of 1 to some 130 tokens, the longest first: BigBird drops its sparse attention at a short one."""
    given = list(lines())
    found = [*given[:8], " ".join(given[8:10]), "a", given[11][:20], given[12][:20]]
    return tuple(sorted(found, key=len, reverse=True))


def examine(model_type: str, folder: Path, *, measured: bool = True) -> Result:
    """Build a type in a folder and hold its rows against the plain loop's; measured: the whole way to a report, too."""
    from geoscope.errors import GeoscopeError
    from geoscope.subjects.checkpoints import load_checkpoint
    from geoscope.subjects.extraction import Extraction

    try:
        built = build(model_type, folder)
    except NotBuilt as error:
        return Result(model_type, reason=_told(model_type, folder, error), unbuilt=str(error))
    try:
        if measured:
            _measure(folder)
        loaded = load_checkpoint(str(folder))
        extraction = Extraction(loaded, texts(), layers="all")
        rows = rows_of(extraction)
        alone = rows_of(Extraction(loaded, texts(), layers="all", batch_tokens=1))
    except GeoscopeError as error:
        return Result(model_type, built, reason=str(error).replace(str(folder), model_type))
    expected = plain_loop(model_type, folder, extraction.layers, loaded.layers, extraction.max_length)
    outline = loaded.outline
    notes = {
        "batches of one length, as padding moves its rows": extraction.padding == 0,
        "its last layer alone has one state a token": len(extraction.layers) == 1,
        "several states a token, made one as the model does": outline.streams,
        "layers from the blocks' inputs, as its own list begins after the first": outline.renumbered,
        "reading changes the model, which is put back after each batch": not outline.steady,
    }
    found = Result(
        model_type, built, True, extraction.layers, loaded.layers,
        {layer: apart(rows[layer], expected[layer]) for layer in rows},
        max(apart(alone[layer], rows[layer]) for layer in rows),
        tuple(note for note, holds in notes.items() if holds),
    )  # fmt: skip
    if found.same:
        return found
    exact = rows_of(Extraction(load_checkpoint(str(folder), dtype="float64"), texts(), layers="all"))
    expected = plain_loop(model_type, folder, found.layers, found.last, extraction.max_length, "float64")
    return replace(found, double=max(apart(exact[layer], expected[layer]) for layer in exact))


def _measure(folder: Path) -> None:
    """The whole way to a report."""
    import geoscope

    geoscope.measure(str(folder), texts=list(texts()), layers="all", measures=["isoscore"], errors=False, null="none")


def _told(model_type: str, folder: Path, error: NotBuilt) -> str:
    """What is said of a folder with no more than the type's configuration; a tokenizer, too, where a package lacks."""
    from geoscope.errors import GeoscopeError

    describe(model_type, folder, tokenizer="ImportError" in str(error))
    try:
        _measure(folder)
    except GeoscopeError as error:
        return str(error).replace(str(folder), model_type)
    raise AssertionError("a folder without a model was measured")


def rows_of(extraction: Any) -> dict[int, Any]:
    """Every layer's rows, in the order of the index."""
    found: dict[int, Any] = {}
    for batch in extraction.batches():
        for layer, values in batch.rows.items():
            found.setdefault(layer, np.full((len(extraction.index), values.shape[1]), np.nan))[batch.offsets] = values
    return found


def apart(one: Any, other: Any) -> float:
    """The largest difference of two rows, by the row's norm."""
    return float((np.linalg.norm(one - other, axis=1) / np.maximum(np.linalg.norm(other, axis=1), 1e-30)).max())


def plain_loop(
    model_type: str,
    folder: Path,
    layers: Sequence[int],
    last: int,
    length: int,
    dtype: str = "float32",
    *,
    stack: str = "encoder",
) -> dict[int, Any]:
    """The rows of some layers by transformers alone, one text after another; stack: of an encoder-decoder."""
    import torch
    from transformers import AutoTokenizer

    model, half = _plain_model(folder, dtype, stack), "decoder_" * (stack == "decoder")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    uncached = {"use_cache": False} if "use_cache" in signature(model.forward).parameters else {}
    found: dict[int, list[Any]] = {layer: [] for layer in layers}
    for text in texts():
        ids = torch.tensor([tokenizer(text, truncation=True, max_length=length)["input_ids"]])
        inputs: list[Any] = []
        hooks = [
            block.register_forward_pre_hook(_keep(inputs), with_kwargs=True) for block in _blocks(model_type, model)
        ]
        torch.manual_seed(0)
        with torch.no_grad():
            beside = {"decoder_input_ids": ids} if half else {}
            output = model(input_ids=ids, output_hidden_states=True, **beside, **uncached)
            states = inputs or output.get(f"{half}hidden_states")
            final = output.get("last_hidden_state")
            for layer in layers:
                state = (states[-1] if final is None else final) if layer == last else states[layer]
                state = _one_stream(model, state) if state.ndim == 4 else state
                found[layer].append(state[0, : ids.shape[1]].float().numpy())
        for hook in hooks:
            hook.remove()
    return {layer: np.concatenate(rows) for layer, rows in found.items()}


def _plain_model(folder: Path, dtype: str, stack: str) -> Any:
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    config = transformers.AutoConfig.from_pretrained(folder)
    named = getattr(transformers, config.architectures[0])
    kind = transformers.AutoModel if type(config) in MODEL_MAPPING else named
    model, told = kind.from_pretrained(folder, dtype=dtype, output_loading_info=True)
    if told["missing_keys"] >= {name for name, _ in model.named_parameters()}:  # AutoModel knows none of their names
        model = named.from_pretrained(folder, dtype=dtype).base_model
    model.eval()
    two = getattr(model.config, "is_encoder_decoder", False)
    return model.get_encoder() if two and stack == "encoder" else model


def _blocks(model_type: str, model: Any) -> Iterator[Any]:
    yield from getattr(model, _BLOCKS[model_type]) if model_type in _BLOCKS else ()


def _keep(inputs: list[Any]) -> Any:
    def hook(module: Any, given: Any, named: Any) -> None:
        inputs.append((given[0] if given else named["hidden_states"]).clone())

    return hook


def _one_stream(model: Any, state: Any) -> Any:
    """Several states a token made one: by the head of hyper-connections, or as Gemma 3n's forward does in line."""
    import torch

    model = getattr(model, "language_model", model)
    if hasattr(model, "hc_head"):
        return model.hc_head(state)
    size = state[0].square().mean(-1, keepdim=True) ** 0.5
    parts = [state[0]]
    for project, stream in zip(model.altup_unembed_projections, state[1:], strict=True):
        made = project(stream)
        parts.append(made * size / made.square().mean(-1, keepdim=True).clamp(min=1e-5).sqrt())
    return torch.stack(parts).mean(0)


def _answer(model_type: str, answers: Any) -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        try:
            answers.put(examine(model_type, Path(folder) / model_type))
        except Exception:  # a fault, which the table must show
            answers.put(Result(model_type, reason=f"a fault: {traceback.format_exc().strip().splitlines()[-1][:300]}"))


def results(types: Sequence[str]) -> Iterator[Result]:
    """Each type's result, from a process of its own, which may take SECONDS."""
    _answer("bert", queue.Queue())  # what every type imports is imported once
    context = multiprocessing.get_context("fork")
    for model_type in types:
        answers = context.Queue()
        process = context.Process(target=_answer, args=(model_type, answers))
        process.start()
        try:
            yield answers.get(timeout=SECONDS)
        except queue.Empty:
            yield Result(model_type, reason=f"a fault: no answer in {SECONDS} s")
        process.join(1)
        process.kill()


def document(found: Sequence[Result], others: Sequence[Result]) -> str:
    """docs/architectures.md: the text models in one table, all others in another."""
    import torch
    import transformers

    measured = [each for each in found if each.measured]
    same = [each for each in measured if each.same]
    beside = [each for each in others if each.measured]
    told = [
        "# Architectures",
        "",
        f"The {len(found)} model types of transformers that read text (causal, masked, sequence-to-sequence, text "
        "encoders), each as a tiny random",
        f"checkpoint with a tokenizer, measured at every layer: {len(measured)} are measured, and of {len(same)} "
        f"every layer equals a plain loop over single",
        f"texts, at any `--batch-tokens`, to {SAME:g} of the row's norm; where one differs, its difference in float64 "
        "stands beside. `make architectures` writes this file.",
        "",
        f"Of the {len(others)} other types that AutoModel knows {len(beside)} are measured over text (the text side of "
        f"models that read images or sound, too): {sum(each.same for each in beside)}",
        "of them equal to the loop. Every other one is refused in a sentence. Where no tiny model could be made, the "
        "sentence is that of a folder with its configuration alone.",
        "",
        f"transformers {transformers.__version__}, torch {torch.__version__.partition('+')[0]}, CPU.",
        "",
        "| type | class | result | layers | largest difference | |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        told.append(f"| {each.model_type} | {each.built or ''} | {_result(each)} | {_layers(each)} | {_worst(each)} | "
                    f"{_words(each)} |")  # fmt: skip
    told += ["", "## The other types of AutoModel", "", "| type | result | |", "|---|---|---|"]
    for each in others:
        numbers = [f"layers {_layers(each)}, {_worst(each)}"] if each.measured else []
        told.append(f"| {each.model_type} | {_result(each)} | {'; '.join([*numbers, *filter(None, [_words(each)])])} |")
    return "\n".join(told) + "\n"


def _result(each: Result) -> str:
    return ("equal" if each.same else "differs") if each.measured else "refused" if each.built else "not built"


def _worst(each: Result) -> str:
    if not each.measured:
        return ""
    exact = "" if each.double is None else f" (in float64 {each.double:.0e})"
    return f"{max([*each.loop.values(), each.batches]):.0e}{exact}"


def _layers(each: Result) -> str:
    return f"{each.layers[0]} to {each.last}" if len(each.layers) > 1 else f"{each.last}" if each.measured else ""


def _words(each: Result) -> str:
    """What is to be said of a result: of a refusal its sentence, less what all of them begin with."""
    if each.measured:
        return "; ".join(each.notes)
    short = re.sub(
        r"^expected a checkpoint that (?:gives one hidden state a token of text read alone|reads text), got '\S+' ",
        "", each.reason,
    )  # fmt: skip
    words = f"{short.removesuffix('; choose another')}{f' ({each.unbuilt})' if each.unbuilt else ''}"
    return re.sub(r"\s+", " ", words).replace("|", "\\|")


def main(asked: Sequence[str]) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads do not outlive a fork
    import torch
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    of_text = (HERE / "architectures.txt").read_text(encoding="utf-8").split()
    found = []
    for each in results(asked or [*of_text, *sorted(MODEL_MAPPING_NAMES.keys() - set(of_text))]):
        found.append(each)
        print(
            each.model_type, "equal" if each.same else f"{each.loop} {each.batches}" if each.measured else each.reason
        )
    if not asked:
        DOCUMENT.write_text(document(found[: len(of_text)], found[len(of_text) :]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

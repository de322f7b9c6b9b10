"""Sentence models: what a sentence-transformers folder says of the way from a text to its one row.

Read from the folder's JSON and weights; the package itself is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from geoscope.errors import GeoscopeError
from geoscope.rows import FloatArray, IntArray
from geoscope.subjects.checkpoint_files.descriptions import inside, read_json
from geoscope.subjects.checkpoint_files.own_files import refuse_elsewhere, refuse_foreign_files
from geoscope.subjects.checkpoint_files.sentence_modules import LOADED, Step, load_step, step_of

MODULES = "modules.json"
READERS = ("Transformer", "StaticEmbedding")
_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
_FLAGS = {f"pooling_mode_{name}": mode for name, mode in (
    ("cls_token", "cls"), ("max_tokens", "max"), ("mean_tokens", "mean"),
    ("mean_sqrt_len_tokens", "mean_sqrt_len_tokens"), ("weightedmean_tokens", "weightedmean"),
    ("lasttoken", "lasttoken"),
)}  # fmt: skip
"""How pooling was written before `pooling_mode`, in the order in which several modes stand side by side."""


_OF_STATIC = {"pooling_mode": "mean"}
"""Static embeddings bring their pooling with them."""


class Module(NamedTuple):
    """kind: the class's name without its package; a foreign one's with it."""

    kind: str
    folder: Path


@dataclass(frozen=True)
class SentenceModel:
    """The way from a text to its row.

    modes: of pooling, whose results stand side by side. prompt: what is put before every text; whether its tokens are
    pooled too. max_length: tokens that a text is cut to, None where the folder does not say. lower: whether text is
    made lower-case. steps: what is done to pooled rows. prompts: the names of those that there are.
    """

    modes: tuple[str, ...]
    prompt: str
    prompt_pooled: bool
    max_length: int | None
    lower: bool
    steps: tuple[Step, ...]
    prompts: tuple[str, ...]

    @property
    def described(self) -> dict[str, Any]:
        """What a report says of it."""
        prompt = {"prompt": self.prompt, "prompt_pooled": self.prompt_pooled} if self.prompt else {}
        lower = {"lower_case": True} if self.lower else {}
        return {"pooling": list(self.modes), "then": [step.described for step in self.steps], **prompt, **lower}

    def prepared(self, text: str) -> str:
        """A text as it is tokenized."""
        whole = self.prompt + text
        return whole.lower() if self.lower else whole

    def prompt_tokens(self, tokenizer: Any) -> int:
        """Positions at the start that are not pooled: the prompt's, what a tokenizer puts before it included."""
        if not self.prompt or self.prompt_pooled:
            return 0
        ids = tokenizer(self.prepared(""))["input_ids"]
        return len(ids) - (len(ids) > 0 and ids[-1] in tokenizer.all_special_ids)

    def row_size(self, hidden_size: int) -> int:
        """Dimensions of a row; raises GeoscopeError where a step does not fit what comes before it."""
        size = len(self.modes) * hidden_size
        for step in self.steps:
            size = step.size_after(size)
        return size

    def rows(self, states: Any, lengths: IntArray, skipped: int) -> FloatArray:
        """(B, T, d) of the last layer -> (B, row_size) float32 on the CPU; skipped: positions that are not pooled."""
        import torch

        pooled = torch.stack(
            [
                torch.cat([_pooled(state[:length].double(), min(skipped, length), mode) for mode in self.modes])
                for state, length in zip(states, lengths.tolist(), strict=True)
            ]
        ).float()
        for step in self.steps:
            pooled = step(pooled)
        rows: FloatArray = pooled.float().cpu().contiguous().numpy()
        return rows


def _pooled(states: Any, skipped: int, mode: str) -> Any:
    """(T, d) -> (d,): sentence-transformers' own modes, of the positions that are not skipped."""
    import torch

    kept = states[skipped:]
    if mode in ("cls", "lasttoken"):
        return (kept if len(kept) else states)[0 if mode == "cls" else -1]
    if mode == "max":
        return kept.max(0).values
    if mode == "weightedmean":
        weights = torch.arange(skipped + 1, len(states) + 1, device=states.device, dtype=states.dtype)
        return (weights @ kept) / weights.sum().clamp(min=1e-9)
    count = max(len(kept), 1e-9)
    return kept.sum(0) / (count if mode == "mean" else count**0.5)


def modules_of(folder: Path) -> list[Module]:
    """What a folder's modules.json lists, in order."""
    origin = folder / MODULES
    modules = [
        Module(_kind(entry, origin), inside(folder, entry.get("path", ""), origin))
        for entry in read_json(origin, list)
        if isinstance(entry, dict)
    ]
    for module in modules:
        refuse_elsewhere(module.folder, folder)
        if module.folder.is_dir():
            refuse_foreign_files(module.folder)
    return modules


def reader_of(folder: Path) -> Module:
    """The module that reads text: a transformer or static embeddings; raises GeoscopeError where it is another."""
    modules = modules_of(folder)
    if not modules or modules[0].kind not in READERS:
        found = modules[0].kind if modules else "no module"
        raise GeoscopeError(
            f"expected {' or '.join(READERS)} as the first module of {folder / MODULES}, got {found}; "
            "what it does cannot be followed, so give another checkpoint"
        )
    return modules[0]


def read_sentence_model(folder: Path | None, subject: str, *, allow_pickle: bool, device: str) -> SentenceModel:
    """What a folder says, its weights loaded.

    Raises GeoscopeError where it is none of sentence-transformers, or a module or a mode of pooling is unknown.
    """
    if folder is None:
        raise GeoscopeError(
            f"expected {MODULES}, as sentence-transformers writes it, for --pooling model, got none in '{subject}'; "
            "choose another --pooling"
        )
    reader, rest = reader_of(folder), [each for each in modules_of(folder)[1:] if each.kind != "Dropout"]
    static = reader.kind == "StaticEmbedding"
    first = None if static or not rest else rest.pop(0)
    if not static:
        _expect_pooling(first and first.kind, folder / MODULES)
    config = read_json(first.folder / "config.json", dict) if first is not None else _OF_STATIC
    modes, prompt_pooled = _pooling(config, folder if first is None else first.folder / "config.json")
    for module in rest:
        _expect_step(module.kind, folder / MODULES)
    limits = {} if static else _limits(reader.folder)
    length = limits.get("max_seq_length")
    prompt, prompts = _prompts(folder)
    steps = tuple(load_step(module.kind, module.folder, allow_pickle=allow_pickle, device=device) for module in rest)
    return SentenceModel(
        modes, prompt, prompt_pooled, length if isinstance(length, int) and length > 0 else None,
        limits.get("do_lower_case") is True, steps, prompts,
    )  # fmt: skip


def loaded_sentence_model(model: Any) -> SentenceModel:
    """The same of a SentenceTransformer that is loaded: what `read_sentence_model` would say of its folder."""
    where = f"the {type(model).__name__}"
    reader, *rest = model
    kinds = [_kind_of(type(module)) for module in rest]
    kept = [(kind, module) for kind, module in zip(kinds, rest, strict=True) if kind != "Dropout"]
    config: Mapping[str, Any] = _OF_STATIC
    if type(reader).__name__ != "StaticEmbedding":
        _expect_pooling(kept[0][0] if kept else None, where)
        config = kept.pop(0)[1].get_config_dict()
    modes, prompt_pooled = _pooling(config, where)
    steps = []
    for kind, module in kept:
        _expect_step(kind, where)
        device = next((str(each.device) for each in module.parameters()), "cpu")
        steps.append(step_of(kind, module.get_config_dict(), module.state_dict, f"{kind} of {where}", device=device))
    length = getattr(reader, "max_seq_length", None)
    told = {"prompts": model.prompts, "default_prompt_name": model.default_prompt_name}
    prompt, prompts = _default_prompt(told, where)
    return SentenceModel(
        modes, prompt, prompt_pooled, length if isinstance(length, int) and 0 < length < 10**9 else None,
        getattr(reader, "do_lower_case", False) is True, tuple(steps), prompts,
    )  # fmt: skip


def _kind_of(module: type) -> str:
    """A module's class, a foreign one's with its package."""
    own = module.__module__.startswith("sentence_transformers.")
    return module.__name__ if own else f"{module.__module__}.{module.__name__}"


def _expect_pooling(kind: str | None, where: Path | str) -> None:
    if kind != "Pooling":
        found = "no module" if kind is None else f"the module {kind}"
        raise GeoscopeError(
            f"expected Pooling after the transformer in {where}, got {found}; what it does cannot be followed, so "
            "choose another --pooling"
        )


def _expect_step(kind: str, where: Path | str) -> None:
    if kind not in LOADED:
        raise GeoscopeError(
            f"expected {', '.join(LOADED)} after pooling, got the module {kind} in {where}; what it does cannot be "
            "followed, so choose another --pooling"
        )


def _kind(entry: dict[str, Any], origin: Path) -> str:
    kind = entry.get("type")
    if not isinstance(kind, str):
        raise GeoscopeError(f"expected a type of every module in {origin}, got {kind!r}; mend it")
    return kind.rpartition(".")[2] if kind.startswith("sentence_transformers.") else kind


def _pooling(config: Mapping[str, Any], where: Path | str) -> tuple[tuple[str, ...], bool]:
    """The modes, and whether a prompt is pooled too."""
    given = config.get("pooling_mode") or [mode for flag, mode in _FLAGS.items() if config.get(flag)] or ["mean"]
    modes = (given,) if isinstance(given, str) else tuple(given)
    unknown = next((mode for mode in modes if mode not in _MODES), None)
    if unknown is not None:
        raise GeoscopeError(
            f"expected a pooling_mode of {', '.join(_MODES)}, got {unknown!r} in {where}; choose another --pooling"
        )
    return modes, config.get("include_prompt") is not False


def _limits(folder: Path) -> dict[str, Any]:
    """What the transformer's own file says: sentence_bert_config.json, or one called after another architecture."""
    names: Sequence[Path] = sorted(folder.glob("sentence_*_config.json"))
    first = folder / "sentence_bert_config.json"
    chosen = first if first in names else next(iter(names), None)
    return {} if chosen is None else read_json(chosen, dict)


def _prompts(folder: Path) -> tuple[str, tuple[str, ...]]:
    """The prompt that is put before a text by default, and the names of all that say something."""
    path = folder / "config_sentence_transformers.json"
    return _default_prompt(read_json(path, dict) if path.is_file() else {}, path)


def _default_prompt(config: Mapping[str, Any], path: Path | str) -> tuple[str, tuple[str, ...]]:
    held = config.get("prompts")
    prompts = {name: text for name, text in held.items() if isinstance(text, str)} if isinstance(held, dict) else {}
    default = config.get("default_prompt_name")
    if default is not None and default not in prompts:
        raise GeoscopeError(
            f"expected default_prompt_name among the prompts ({', '.join(prompts) or 'none'}), got {default!r} in "
            f"{path}; mend it"
        )
    return prompts.get(default, "") if default else "", tuple(name for name, text in prompts.items() if text)

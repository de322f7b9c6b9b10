"""Perturbations: a model's weights mixed with noise, shuffled, drawn anew or another's; put back to the bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any, Self

import numpy as np

from geoscope.errors import GeoscopeError, first_line
from geoscope.rows import Float64
from geoscope.settings.option import default_of
from geoscope.settings.studying import Perturbing
from geoscope.studies.changes import Change, State
from geoscope.subjects.models.checkpoints import Checkpoint, fingerprint_of
from geoscope.torch_state import drawn_by


class ChangedWeights:
    """Some of a model's weights, changed in place while the context lasts, and afterwards what they were, to the bit.

    The weights before are kept in memory, untouched; the model only points at others. Every change starts from them.
    Leaving raises RuntimeError if the model's fingerprint is not what it was.
    """

    def __init__(self, model: Any, names: Iterable[str]) -> None:
        parameters = dict(model.named_parameters())
        self._model = model
        self._parameters = {name: parameters[name] for name in names}
        self._before = {name: parameter.data for name, parameter in self._parameters.items()}
        self._fingerprint = fingerprint_of(model)

    def change(self, new: Callable[[str, Float64], Float64]) -> None:
        """Give every weight the values new(name, values before) in float64, rounded once to the weight's dtype."""
        import torch

        for name, parameter in self._parameters.items():
            before = self._before[name]
            values = new(name, before.to(device="cpu", dtype=torch.float64).numpy())
            parameter.data = torch.from_numpy(np.ascontiguousarray(values)).to(device=before.device, dtype=before.dtype)

    def restore(self) -> None:
        for name, parameter in self._parameters.items():
            parameter.data = self._before[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()
        if kind is None and fingerprint_of(self._model) != self._fingerprint:
            raise RuntimeError("the model's weights after the study are not what they were before")


@dataclass(frozen=True)
class Perturbation:
    """A change as it is made to one checkpoint: the names of the weights it is made to, and another's embeddings.

    checkpoint: the model to be changed, with the tokenizer that its embeddings will belong to.
    """

    change: Change
    checkpoint: Checkpoint
    names: tuple[str, ...]
    table: Float64 | None = None
    donor_fingerprint: str | None = None

    @classmethod
    def of(cls, change: Change, checkpoint: Checkpoint, donor: Checkpoint | None) -> Self:
        """Raises GeoscopeError where the change cannot be made to this checkpoint."""
        model = checkpoint.model
        if change.kind == "noise":
            return cls(change, checkpoint, noise_targets(model, checkpoint.layers, change.targets))
        if change.transform is not None:
            return cls(change, checkpoint, ())
        if change.kind == "untrained":
            return cls(change, checkpoint, tuple(name for name, _ in model.named_parameters()))
        if donor is None:
            return cls(change, checkpoint, (_embedding_name(model),))
        ours = model.get_input_embeddings().weight
        theirs = donor.model.get_input_embeddings().weight
        if ours.shape[1] != theirs.shape[1]:
            raise GeoscopeError(
                f"expected embeddings of {ours.shape[1]} dimensions for {checkpoint.name}, got {theirs.shape[1]} from "
                f"{donor.name}; swap with a checkpoint of the same size"
            )
        limits = [limit for limit in (checkpoint.max_positions, donor.max_positions) if limit is not None]
        reading = replace(checkpoint, tokenizer=donor.tokenizer, max_positions=min(limits, default=None))
        table = theirs.detach().double().cpu().numpy()
        return cls(change, reading, (_embedding_name(model),), table, donor.fingerprint)

    @property
    def settings(self) -> dict[str, Any]:
        """What a report says of it."""
        told: dict[str, Any] = {"kind": self.change.kind}
        if self.change.kind == "noise":
            told |= {
                "noise_kind": self.change.noise_kind, "noise_draws": self.change.noise_draws,
                "targets": self.change.targets or "published",
            }  # fmt: skip
        if self.donor_fingerprint is not None:
            told["donor_fingerprint"] = self.donor_fingerprint
        parameters = dict(self.checkpoint.model.named_parameters())
        return told | {"changed": sum(parameters[name].numel() for name in self.names)}

    def put(self, weights: ChangedWeights, state: State) -> None:
        """Have the model in a state; level 0 is the model as it was, to the bit."""
        if state.level == 0 or state.amount is not None:
            weights.restore()
        else:
            weights.change(self._new(state.level or 0.0, state.seed or 0))

    def _new(self, level: float, seed: int) -> Callable[[str, Float64], Float64]:
        if self.change.kind == "noise":
            return noised(level, seed, self.change.noise_kind, self.change.noise_draws)
        if self.change.kind == "untrained":
            return untrained(self.checkpoint.model, seed)
        table = self.table
        return shuffled(seed) if table is None else lambda name, weights: table


def noised(
    level: float, seed: int, noise_kind: str, noise_draws: str = default_of(Perturbing, "noise_draws")
) -> Callable[[str, Float64], Float64]:
    """W' = (1 - a) W + a E with a = level / 100 (Marbut et al. 2024, equation 1).

    E is N(0, 1) per entry, under `relative` times the deviation of W's entries. It is another at every level, as the
    published script draws it (unseeded); under `straight` it depends on seed and name alone, so that one seed's levels
    lie on a straight path.
    """
    share = level / 100.0

    def mix(name: str, weights: Float64) -> Float64:
        noise = standard_normal(f"{level:.12g}\0{name}" if noise_draws == "published" else name, weights.shape, seed)
        if noise_kind == "relative":
            noise *= weights.std()
        return (1.0 - share) * weights + share * noise

    return mix


def standard_normal(name: str, shape: tuple[int, ...], seed: int) -> Float64:
    """N(0, 1) by one generator a weight, whose key is a hash of seed and name: no thread count or order matters."""
    key = int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key)).standard_normal(shape)


def shuffled(seed: int) -> Callable[[str, Float64], Float64]:
    """The rows in a seeded order: every token has another's vector."""

    def permute(name: str, weights: Float64) -> Float64:
        return weights[np.random.Generator(np.random.Philox(key=seed)).permutation(len(weights))]

    return permute


def untrained(model: Any, seed: int) -> Callable[[str, Float64], Float64]:
    """The weights of a new model of the same configuration, as its own initialisation draws them.

    Raises GeoscopeError where the model cannot be built from its configuration alone.
    """
    try:
        with drawn_by(seed):
            fresh = dict(type(model)(model.config).named_parameters())
    except (TypeError, ValueError, RuntimeError) as error:
        raise GeoscopeError(
            f"expected a model that its configuration builds, got a {type(model).__name__} that fails: "
            f"{first_line(error)}; choose another --kind"
        ) from error

    def replace(name: str, weights: Float64) -> Float64:
        values: Float64 = fresh[name].detach().double().numpy()
        return values

    return replace


def noise_targets(model: Any, blocks: int, pattern: str | None) -> tuple[str, ...]:
    """The names of the weights that noise goes to.

    By default every one under the encoder (or, without one, the blocks) that ends in "weight", as published: no bias,
    no embedding, no pooler, but the layer norms. pattern: shell wildcards over the names, several with commas.
    Raises GeoscopeError where none is left.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.is_floating_point()]
    if pattern is None:
        roots = _roots(model, blocks)
        chosen = [name for name in names if name.endswith("weight") and name.startswith(roots)]
    else:
        parts = [part.strip() for part in pattern.split(",")]
        chosen = [name for name in names if any(fnmatchcase(name, part) for part in parts)]
    if not chosen:
        raise GeoscopeError(
            f"expected --targets to match some of the model's {len(names)} weights, got none for "
            f"{pattern or 'the default'!r}; they have names such as {', '.join(names[:1] + names[-1:])}"
        )
    return tuple(chosen)


def _roots(model: Any, blocks: int) -> tuple[str, ...]:
    """The start of the names of all that is in the encoder, or in lists of as many modules as there are blocks."""
    import torch

    if hasattr(model, "encoder"):
        return ("encoder.",)
    return tuple(
        f"{name}."
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == blocks
    )


def _embedding_name(model: Any) -> str:
    """The name of the word embeddings' matrix."""
    table = model.get_input_embeddings().weight
    return next(str(name) for name, parameter in model.named_parameters() if parameter is table)

"""Untouched: a model that is read and left exactly as it was, with whatever else its code draws from or writes to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from geoscope.subjects.models.hidden_states import cuda_devices


@contextmanager
def untouched(model: Any) -> Iterator[list[str]]:
    """Put a model's modules, modes, buffers and configuration, and every random state, back to what they were.

    Some models turn themselves into others as they read: BigBird drops its sparse attention for good at a short text.
    One that changes its own weights in place (RWKV, which scales them down to read) keeps what goes with them.
    Gives a list, in which the kinds of module that were replaced are named afterwards.
    """
    import torch

    modules = list(model.modules())
    attributes = [dict(vars(module)) for module in modules]
    registers = [[(held, dict(held)) for held in kept.values() if isinstance(held, dict)] for kept in attributes]
    buffers = [(buffer, buffer._version, buffer.clone()) for buffer in model.buffers()]
    configs = {id(module.config): module.config for module in modules if hasattr(module, "config")}
    settings = {key: dict(vars(config)) for key, config in configs.items() if hasattr(config, "__dict__")}
    weights = _versions(model)
    changed: list[str] = []
    # NumPy's old generator is what a model's own code draws from.
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=cuda_devices(model)):
            yield changed
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        if weights == _versions(model):
            for module, kept, held in zip(modules, attributes, registers, strict=True):
                children = list(module.children())
                vars(module).clear()
                vars(module).update(kept)
                for entries, before in held:  # hooks, buffers and what else a module registers
                    entries.clear()
                    entries.update(before)
                if children != list(module.children()):
                    changed.append(type(module).__name__)
            for buffer, version, value in buffers:
                if buffer._version != version:
                    with torch.no_grad():
                        buffer.copy_(value)
        for key, kept in settings.items():
            vars(configs[key]).clear()
            vars(configs[key]).update(kept)


@contextmanager
def borrowed(model: Any) -> Iterator[list[str]]:
    """Let somebody else's model read as measuring does, in evaluation mode, and hand it back exactly as it was."""
    with untouched(model) as changed:
        model.eval()
        yield changed


def _versions(model: Any) -> list[int]:
    """How often each weight in memory was written to; those in files alone are read anew each time."""
    return [parameter._version for parameter in model.parameters() if parameter.device.type != "meta"]

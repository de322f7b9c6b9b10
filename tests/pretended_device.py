"""A device that is not there: tensors on it say so, refuse what another device's would refuse, and live on the CPU.

Arithmetic is the CPU's. What a real device forbids raises here too: mixing tensors of two devices, handing one to
numpy. Each copy between it and the CPU is counted, so that a test can tell what came back and how often.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from geoscope.passes.quantizers import local_search

NAME = "lazy"
"""A kind of device that torch knows by name, guards as one, and computes nothing on by itself."""
DEVICE = torch.device(NAME, 0)

_ATEN = torch.ops.aten
_COPIES = {_ATEN._to_copy.default, _ATEN.copy_.default, _ATEN._copy_from.default}
_INDEXED = {_ATEN.index.Tensor, _ATEN.index_put_.default, _ATEN.index_put.default, _ATEN._index_put_impl_.default}


@dataclass
class Traffic:
    """Bytes that came to the CPU and went from it, copy by copy; how often one number was waited for."""

    back: list[int] = field(default_factory=list)
    there: list[int] = field(default_factory=list)
    waited: int = 0


class _Held(torch.Tensor):
    """A tensor that says it is on DEVICE; `data_here` is where it really is."""

    data_here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> _Held:
        made = torch.Tensor._make_wrapper_subclass(
            cls, here.size(), strides=here.stride(), storage_offset=here.storage_offset(), dtype=here.dtype,
            device=DEVICE,
        )  # fmt: skip
        made.data_here = here
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"pretended({self.data_here})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} of a tensor of the pretended device, outside of it")


class _Pretending(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.traffic = Traffic()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        held = [each for each in given if isinstance(each, _Held)]
        asked = kwargs.get("device")
        asked = None if asked is None else torch.device(asked)
        if not held and (asked is None or asked.type != NAME):
            return func(*args, **kwargs)
        elsewhere = [each for each in given if not isinstance(each, _Held) and each.dim() > 0]
        if held and elsewhere and func not in _COPIES:
            raise RuntimeError(f"expected all tensors on one device in {func}, got {NAME} and {elsewhere[0].device}")
        if func is _ATEN._local_scalar_dense.default:
            self.traffic.waited += 1
        if func in {_ATEN.nonzero.default, _ATEN.masked_select.default, _ATEN.equal.default}:
            self.traffic.waited += 1
        if asked is not None and asked.type == NAME:
            kwargs["device"] = torch.device("cpu")
            if func in _COPIES and not held:
                self.traffic.there.append(args[0].nbytes)
        if kwargs.get("pin_memory"):
            kwargs.pop("pin_memory")
        whose = {id(each.data_here): each for each in held}
        made = func(*tree_map(_here, args), **tree_map(_here, kwargs))
        if func in _COPIES:
            to = asked or args[0].device
            if to.type != NAME and held:
                self.traffic.back.append(held[0].nbytes)
            if func is _ATEN.copy_.default and not isinstance(args[0], _Held):
                return args[0]
            if func is _ATEN.copy_.default and not isinstance(args[1], _Held):
                self.traffic.there.append(args[1].nbytes)
            if func is _ATEN._to_copy.default and to.type != NAME:
                return made

        def there(each: Any) -> Any:
            if not isinstance(each, torch.Tensor):
                return each
            return whose.get(id(each)) if id(each) in whose else _Held(each)

        return tree_map(there, made)


class _Filled(TorchFunctionMode):
    """torch.tensor fills its memory beneath where modes see it: on the CPU then, and copied."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        return func(*args, **kwargs)


def _here(each: Any) -> Any:
    return each.data_here if isinstance(each, _Held) else each


@contextmanager
def pretended() -> Iterator[Traffic]:
    """Have the device for as long as this lasts."""
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)  # a module's weights become tensors of another class
    try:
        # in inference mode no tensor of a class may be a view
        with mock.patch.object(torch, "inference_mode", torch.no_grad), _Pretending() as mode, _Filled():
            yield mode.traffic
    finally:
        torch.__future__.set_swap_module_params_on_conversion(before)


KINDS = [NAME, *(["cuda"] if torch.cuda.is_available() else [])]
"""The devices beside the CPU that tests run on: the pretended one anywhere, CUDA where there is one."""


@contextmanager
def elsewhere_of(kind: str) -> Iterator[str]:
    """A device of that kind, as torch names it, for as long as this lasts."""
    if kind == NAME:
        with pretended():
            yield str(DEVICE)
    else:
        yield kind


def train_briefly(monkeypatch: pytest.MonkeyPatch, iterations: int) -> None:
    """Have quantizers trained little: each operation on the pretended device takes as long as hundreds of others."""
    monkeypatch.setattr(local_search, "ITERATIONS", iterations)
    monkeypatch.setattr(local_search, "TRAINING_ROUNDS", 2)
    monkeypatch.setattr(local_search, "ENCODING_ROUNDS", 3)
    monkeypatch.setattr(local_search, "ROUNDS_A_START", 2)

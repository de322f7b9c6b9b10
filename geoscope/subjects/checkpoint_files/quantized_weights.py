"""Quantization: checkpoints whose weights are not the numbers that they stand for, told where they cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError, first_line
from geoscope.subjects.checkpoint_files.descriptions import read_json


@contextmanager
def telling_of_quantization(folder: Path, subject: str) -> Iterator[None]:
    """Where quantized weights cannot be loaded, say that they are quantized, how, and what to do."""
    method = _quantization(folder)
    _refuse_unknown_method(folder, method, subject)
    try:
        yield
    except (GeoscopeError, MemoryError):
        raise
    except Exception as error:  # of some twenty packages
        if method is None:
            raise
        raise GeoscopeError(
            f"expected unquantized weights, got '{subject}', which is quantized by {method} and cannot be loaded here "
            f"({first_line(error)}); give the checkpoint that it was made from"
        ) from error


def refuse_unsaid_quantization(folder: Path, files: Sequence[str], subject: str) -> None:
    """Refuse whole numbers, or fp8 with scales beside it, in place of weights where config.json speaks of no method."""
    from safetensors import safe_open

    if _quantization(folder) is not None:
        return
    for file in files:
        if not file.endswith(".safetensors"):
            continue
        with safe_open(folder / file, framework="np") as held:
            names = set(held.keys())
            for name in sorted(each for each in names if each.endswith("weight")):
                found = held.get_slice(name)
                dtype, scaled = str(found.get_dtype()), any(f"{name}_scale{end}" in names for end in ("", "_inv"))
                if len(found.get_shape()) > 1 and (dtype.startswith(("I", "U")) or (dtype.startswith("F8") and scaled)):
                    raise GeoscopeError(
                        f"expected floating-point numbers in {name} of the checkpoint '{subject}', got {dtype}, which "
                        "is quantized in a way that its config.json does not say; give the checkpoint that it was made "
                        "from"
                    )


def _quantization_config(folder: Path) -> Mapping[str, Any] | None:
    try:
        held: Mapping[str, Any] = read_json(folder / "config.json", dict)
    except GeoscopeError:  # a GGUF file has none; what else is wrong with it is told by whoever reads it
        return None
    config = held.get("quantization_config")
    return config if isinstance(config, dict) else None


def _refuse_unknown_method(folder: Path, method: str | None, subject: str) -> None:
    """Refuse a method of quantization that transformers does not know: it would take the weights as they stand."""
    if method is None:
        return
    from transformers.quantizers.auto import AutoHfQuantizer

    try:
        known = AutoHfQuantizer.supports_quant_method(dict(_quantization_config(folder) or {}))
    except ValueError:  # it names none, and loading says so
        return
    if not known:
        raise GeoscopeError(
            f"expected unquantized weights, got '{subject}', which is quantized by {method}, of which transformers "
            "knows nothing; give the checkpoint that it was made from"
        )


def _quantization(folder: Path) -> str | None:
    """The method that config.json names, None where it names none."""
    config = _quantization_config(folder)
    if config is None:
        return None
    bits = next((f" in {count} bit" for count in (4, 8) if config.get(f"load_in_{count}bit")), "")
    return f"{config.get('quant_method', 'an unnamed method')}{bits}"

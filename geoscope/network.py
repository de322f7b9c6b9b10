"""The network: what libraries tell and fetch by themselves, switched off, and runs that read caches only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_UNTOLD = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets would count what is loaded
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""What keeps libraries from telling anybody what is run; Trainer reports to nobody by an argument of its own."""

_UNFETCHED = {
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # a service would be asked to convert pickled weights
    "USE_HUB_KERNELS": "NO",  # compiled code would be fetched for some models where the package kernels is installed
}
"""What keeps transformers from fetching what nobody named, unless the environment wants it to."""

OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
"""What keeps the libraries that reach the hub to their caches."""

_READ_ONCE = (
    ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_DATASETS_OFFLINE"),
)
"""Where they keep what they read of it when they were loaded."""

_asked = False


def keep_to_itself() -> None:
    """Have libraries that are loaded from now on tell nobody, whatever the environment says, and fetch no extras."""
    os.environ.update(_UNTOLD)
    for name, value in _UNFETCHED.items():
        os.environ.setdefault(name, value)


@contextmanager
def offline(wanted: bool) -> Iterator[None]:
    """Have libraries read their caches only while the context lasts, whether they are loaded yet or not."""
    global _asked
    if not wanted:
        yield
        return
    before, was_asked = {name: os.environ.get(name) for name in OFFLINE}, _asked
    held = {place: _held(*place, otherwise=_in_environment()) for place in _READ_ONCE}
    os.environ.update(dict.fromkeys(OFFLINE, "1"))
    _hold(dict.fromkeys(_READ_ONCE, True))
    _asked = True
    try:
        yield
    finally:
        _asked = was_asked
        _hold(held)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def why_offline() -> str | None:
    """Why the hub is not asked, in words that end a sentence; None where it may be."""
    if _asked:
        return "--offline keeps this run from the Hugging Face hub"
    from huggingface_hub import constants

    return "the Hugging Face hub is offline (HF_HUB_OFFLINE)" if constants.is_offline_mode() else None


def _in_environment() -> bool:
    return any((os.environ.get(name) or "").upper() in ("1", "ON", "YES", "TRUE") for name in OFFLINE)


def _held(module: str, name: str, *, otherwise: bool) -> bool:
    return bool(getattr(sys.modules.get(module), name, otherwise))


def _hold(values: dict[tuple[str, str], bool]) -> None:
    for (module, name), value in values.items():
        if module in sys.modules:
            setattr(sys.modules[module], name, value)

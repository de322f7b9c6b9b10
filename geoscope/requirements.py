"""Requirements: the version below which a library is not used, and why; told without importing it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from geoscope.errors import GeoscopeError

_UNTRIED = "older ones have not been tried"


@dataclass(frozen=True)
class Requirement:
    """A library: the version that it must have at least, and what is wrong with those below.

    extra: of geoscope, that brings it; None where everything needs it. imported: as, if not by its name. otherwise:
    distributions that bring it under another name.
    """

    name: str
    least: str
    why: str = _UNTRIED
    extra: str | None = None
    imported: str | None = None
    otherwise: Sequence[str] = ()

    @property
    def module(self) -> str:
        """What it is imported as."""
        return self.imported or self.name

    def installed(self) -> tuple[str, str] | None:
        """The name and the version of what is installed of it; None where nothing is, or nothing says so."""
        for name in (self.name, *self.otherwise):
            try:
                return name, version(name)
            except PackageNotFoundError:
                continue
        return None

    def fault(self) -> GeoscopeError | None:
        """What is wrong with the version that is installed; None where nothing is."""
        found = self.installed()
        if found is None or _release(found[1]) >= _release(self.least):
            return None
        name, number = found
        return GeoscopeError(
            f"expected {name} of version {self.least} or above, got {number}: {self.why}; "
            f"pip install --upgrade '{name}>={self.least}'"
        )


REQUIREMENTS = (
    Requirement(
        "torch", "2.10",
        "in versions below it a checkpoint's pickle runs code or corrupts memory even where only weights are read of "
        "it (CVE-2025-32434, CVE-2026-24747)",
    ),
    Requirement(
        "transformers", "5.10",
        "in versions below it a checkpoint can have code run that nobody trusted (CVE-2026-4372, CVE-2026-5241, "
        "CVE-2026-9856)",
    ),
    Requirement("datasets", "4.0", "versions below it run the scripts that data sets bring"),
    Requirement("safetensors", "0.8"),
    Requirement("numpy", "2.0"),
    Requirement("scipy", "1.14"),
    Requirement("threadpoolctl", "3.5"),
    Requirement("numba", "0.62"),
    Requirement("faiss-cpu", "1.12", imported="faiss", otherwise=("faiss-gpu", "faiss-gpu-cu12", "faiss-gpu-cu13")),
    Requirement("pyarrow", "17", "a file can run code in versions below 14.0.1 (CVE-2023-47248), and " + _UNTRIED),
    Requirement("xxhash", "3.4"),
    Requirement("typer", "0.29"),
    Requirement("rich", "13"),
    Requirement("pydantic", "2.12"),
    Requirement("jinja2", "3.1"),
    Requirement("accelerate", "1.10", extra="train"),
    Requirement("scikit-learn", "1.5", extra="study", imported="sklearn"),
    Requirement("ray", "2.50", extra="ray"),
    Requirement("peft", "0.17", extra="peft"),
    Requirement("gguf", "0.17", extra="gguf"),
    Requirement("h5py", "3.10", extra="hdf5"),
    Requirement("matplotlib", "3.8", extra="plot"),
    Requirement("scikit-dimension", "0.5", extra="oracles", imported="skdim"),
    Requirement("ripser", "0.6.10", extra="oracles"),
    Requirement("persim", "0.4", extra="oracles"),
    Requirement("IsoScore", "2.0.1", extra="oracles"),
    Requirement("dimensionality", "0.1.4", extra="oracles"),
)  # fmt: skip
"""As pyproject.toml has them, with what pip cannot be told: why."""


def require(*names: str) -> None:
    """Raise GeoscopeError where one of the libraries is installed in a version below what is used."""
    for each in REQUIREMENTS:
        fault = each.fault() if each.name in names else None
        if fault is not None:
            raise fault


def _release(number: str) -> tuple[int, ...]:
    """2.13.0+cpu and 2.13.0rc1 as (2, 13, 0)."""
    match = re.match(r"(?:\d+!)?(\d+(?:\.\d+)*)", number)
    return tuple(map(int, match[1].split("."))) if match else ()

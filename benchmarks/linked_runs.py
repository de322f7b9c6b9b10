"""Commands run in a folder where links stand for others, so that no place of this machine is in what they leave."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def run(work: Path, links: Mapping[str, Path | None], line: Sequence[str], output: str) -> int:
    """`geoscope LINE -o OUTPUT` on the CPU, in `work`, where each name of links leads to its folder or file."""
    work.mkdir(parents=True, exist_ok=True)
    for name, place in links.items():
        if place is not None and not (work / name).is_symlink():
            (work / name).symlink_to(place.resolve(), target_is_directory=place.is_dir())
    command = [sys.executable, "-m", "geoscope", *line, "-o", output, "--device", "cpu"]
    return subprocess.run(command, cwd=work, check=False).returncode

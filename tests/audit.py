"""The audit: licences of all that is installed, then known vulnerabilities. `make audit` runs it.

`python tests/audit.py [PIP_AUDIT]`: the licences need no network; PIP_AUDIT, the program, asks a service for the rest.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

REFUSED = ("giotto-ph", "giotto-tda", "quitefastmst", "torch-topological")
"""Libraries for what geoscope does whose licence is the AGPL, or that need one: never a dependency."""

TOLD_ELSEWHERE: Mapping[str, str] = {}
"""Licences of distributions whose metadata say none, by name, as their repositories have them."""

_LONGEST = 100
"""Of a licence's name; what is longer is its text, which names the licences of parts of it too."""


def licence_of(distribution: Distribution) -> str:
    """The licence that a distribution's metadata say: by expression, else by classifiers and name; "" for none."""
    told = distribution.metadata
    expression = told.get("License-Expression")
    if expression:
        return str(expression)
    classified = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or [] if each.startswith("License")]
    name = str(told.get("License") or "").strip()
    named = [name] if name and "\n" not in name and len(name) <= _LONGEST else []
    found = [each for each in (*classified, *named) if each not in ("OSI Approved", "UNKNOWN")]
    return " AND ".join(dict.fromkeys(found)) or TOLD_ELSEWHERE.get(str(told["Name"]).lower(), "")


def is_refused(licence: str) -> bool:
    """Whether a licence's terms would come to be those of what is built on it: AGPL and GPL.

    Not where there is another to choose (MIT OR GPL-2.0), nor the GPL with an exception for what is linked (as that of
    GCC's runtime). The LGPL is let pass: what it covers is a package of its own, which anybody may replace.
    """
    return all(any(_binds(part) for part in re.split(r"\s+AND\s+", each)) for each in re.split(r"\s+OR\s+", licence))


def _binds(licence: str) -> bool:
    if re.search(r"AGPL|Affero", licence, re.IGNORECASE):
        return True
    lesser = re.search(r"LGPL|Lesser|Library General Public", licence, re.IGNORECASE)
    excepted = re.search(r"\bWITH\b|exception", licence, re.IGNORECASE)
    return not lesser and not excepted and bool(re.search(r"GPL|General Public", licence, re.IGNORECASE))


def faults(installed: Iterable[Distribution]) -> list[str]:
    """What is wrong with the licences of what is installed, a sentence each."""
    found = []
    for each in installed:
        name, licence = str(each.metadata["Name"]), licence_of(each)
        if not licence:
            found.append(f"{name} says no licence; look it up and write it into TOLD_ELSEWHERE of tests/audit.py")
        elif is_refused(licence):
            found.append(f"{name} is under {licence}; take another library")
    return sorted(found)


def vulnerabilities(program: str) -> list[str] | None:
    """Known vulnerabilities of what is installed, by pip-audit; None where the service cannot be asked."""
    place = sysconfig.get_paths()["purelib"]
    command = [program, "--path", place, "--skip-editable", "--format", "json", "--progress-spinner", "off"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=600)
        held = json.loads(told.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if all("skip_reason" in each for each in held["dependencies"]):  # none is known to who was asked
        return None
    return [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for each in held["dependencies"]
        for fault in each.get("vulns", [])
    ]


def main(programs: list[str]) -> int:
    """Print what was found; 1 where something is wrong."""
    installed = list(distributions(path=[sysconfig.get_paths()["purelib"]]))
    wrong = faults(installed)
    print("\n".join(wrong) or f"licences of {len(installed)} distributions: none is AGPL or GPL")
    known = vulnerabilities(programs[0]) if programs and Path(programs[0]).is_file() else None
    if known is None:
        print("known vulnerabilities were not looked for: pip-audit or the service that it asks cannot be reached")
    else:
        print("\n".join(known) or "known vulnerabilities: none")
    return 1 if wrong or known else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

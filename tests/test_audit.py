"""Licences: which are let pass, that none of those installed is refused, and what is never a dependency."""

from __future__ import annotations

import re
import tomllib
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pytest
from audit import REFUSED, faults, is_refused, vulnerabilities

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("licence", "refused"),
    [
        ("MIT", False),
        ("AGPL-3.0-or-later", True),
        ("GNU Affero General Public License v3", True),
        ("GPL-2.0-only", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("BSD-3-Clause AND GPL-3.0-or-later", True),
        ("MIT OR GPL-2.0-only", False),
        ("AGPL-3.0-only OR GPL-3.0-only", True),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("LGPL-2.1-or-later", False),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", False),
        ("Apache Software License AND Apache 2.0", False),
        ("LicenseRef-NVIDIA-Proprietary", False),
    ],
)
def test_which_licences_bind_what_is_built_on_them(licence: str, refused: bool) -> None:
    assert is_refused(licence) == refused


class Told(Distribution):
    """A distribution of some metadata."""

    def __init__(self, **told: str) -> None:
        self._told = Message()
        for name, value in told.items():
            self._told[name.replace("_", "-")] = value

    @property
    def metadata(self) -> Any:
        return self._told

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: Any) -> Any:
        return path


def test_what_is_wrong_is_named() -> None:
    silent, bound = Told(Name="silent"), Told(Name="bound", Classifier="License :: OSI Approved :: GPLv3")
    whole = Told(Name="whole", Classifier="License :: OSI Approved :: BSD License", License="BSD\n" + "GPL of parts\n")
    assert faults([silent, bound, whole]) == [
        "bound is under GPLv3; take another library",
        "silent says no licence; look it up and write it into TOLD_ELSEWHERE of tests/audit.py",
    ]


def test_nothing_that_is_installed_is_refused() -> None:
    assert faults(distributions()) == []


def test_libraries_under_the_agpl_are_in_no_list_of_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for group in project["optional-dependencies"].values() for each in group)]
    asked += (ROOT / "constraints.txt").read_text().splitlines()
    names = {re.split(r"[^A-Za-z0-9._-]", line.strip())[0].lower().replace("_", "-") for line in asked}
    assert "torch" in names
    assert names.isdisjoint(REFUSED)
    installed = {str(each.metadata["Name"]).lower().replace("_", "-") for each in distributions()}
    assert installed.isdisjoint(REFUSED)


def test_a_service_that_does_not_answer_is_no_finding(tmp_path: Path) -> None:
    silent = tmp_path / "pip-audit"
    silent.write_text("#!/bin/sh\necho 'connection refused' >&2\nexit 1\n")
    silent.chmod(0o755)
    assert vulnerabilities(str(silent)) is None
    assert vulnerabilities(str(tmp_path / "absent")) is None
    silent.write_text('#!/bin/sh\necho \'{"dependencies": [{"name": "b", "skip_reason": "no index"}]}\'\n')
    assert vulnerabilities(str(silent)) is None
    silent.write_text(
        '#!/bin/sh\necho \'{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", '
        '"fix_versions": ["2"]}]}, {"name": "b", "skip_reason": "no index"}]}\'\nexit 1\n'
    )
    assert vulnerabilities(str(silent)) == ["a 1: CVE-1, mended in 2"]

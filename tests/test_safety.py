"""What may be run, fetched and told: a checkpoint's own code, the hub, telemetry, versions with known holes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import geoscope
from geoscope import network, requirements
from geoscope.cli.app import main
from geoscope.errors import GeoscopeError
from geoscope.requirements import REQUIREMENTS, Requirement, require
from geoscope.subjects.models.checkpoints import find_checkpoint, load_checkpoint

ROOT = Path(__file__).resolve().parent.parent
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OWN = """
from transformers import BertConfig, BertModel

class Config(BertConfig):
    model_type = "own"

class Model(BertModel):
    config_class = Config
"""
TEXT = "w01 w02 w03\nw04 w05 w06 w07\nw08 w09\n"
Folder = Callable[[str], Path]


def with_code(folder: Path, to: Path, **named: str) -> Path:
    """A copy of a checkpoint whose model is of a class that it brings along."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model", **named}}
    (to / "config.json").write_text(json.dumps(config))
    (to / "own.py").write_text(OWN)
    return to


@pytest.fixture
def own(checkpoint_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    (tmp_path / "texts.txt").write_text(TEXT)
    return with_code(checkpoint_folder("bert"), tmp_path / "own")


@pytest.fixture
def hub(checkpoint_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds org/own, whose model brings its code, at one commit, and no hub."""
    repository = tmp_path / "cache" / "models--org--own"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    (tmp_path / "texts.txt").write_text(TEXT)
    return with_code(checkpoint_folder("bert"), repository / "snapshots" / COMMIT)


ASKED: dict[str, Any] = {"sequences": 3, "measures": ["isoscore"], "errors": False}


def test_a_report_says_whether_a_checkpoints_code_ran(own: Path, checkpoint_folder: Folder, tmp_path: Path) -> None:
    texts = str(tmp_path / "texts.txt")
    plain = geoscope.measure(str(checkpoint_folder("bert")), corpora=texts, **ASKED)
    assert "trust" not in plain.to_json()
    ran = geoscope.measure(str(own), corpora=texts, trust_remote_code=True, **ASKED)
    assert ran.subject.trust_remote_code is True
    assert ran.measurements == plain.measurements
    kept = geoscope.extract(str(own), corpora=texts, sequences=3, trust_remote_code=True, output=tmp_path / "rows")
    assert geoscope.measure(kept, **ASKED).subject.trust_remote_code is True
    assert geoscope.measure(tmp_path / "rows", **ASKED).subject.trust_remote_code is True


def test_a_study_and_a_comparison_say_it_too(own: Path, tmp_path: Path) -> None:
    asked = {**ASKED, "corpora": str(tmp_path / "texts.txt")}
    study = geoscope.perturb(str(own), levels=[0], seeds=1, trust_remote_code=True, **asked)
    assert study.subject.trust_remote_code is True
    compared = geoscope.compare(str(own), study, trust_remote_code=True, **asked)
    assert json.loads(compared.to_json())["base"]["trust_remote_code"] is True


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:12], COMMIT.upper(), COMMIT + "0"])
def test_code_of_the_hub_runs_of_a_commit_only(hub: Path, revision: str | None) -> None:
    with pytest.raises(GeoscopeError, match=r"--revision with a commit \(40 hex digits\) of 'org/own'.*git ls-remote"):
        find_checkpoint("org/own", revision=revision, trust_remote_code=True)


def test_code_of_a_commit_runs(hub: Path) -> None:
    loaded = load_checkpoint("org/own", revision=COMMIT, trust_remote_code=True)
    assert (loaded.architecture, loaded.revision) == ("Model", COMMIT)
    with pytest.raises(GeoscopeError, match=f"--trust-remote-code --revision {COMMIT} to run it"):
        load_checkpoint("org/own")


@pytest.mark.parametrize("command", ["measure", "extract -o rows", "compare org/own", "perturb", "noise-floor"])
def test_every_command_asks_for_a_commit(
    hub: Path, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = [*command.split(), "org/own", "--corpus", "texts.txt", "--trust-remote-code"]
    assert main(line) == 2
    assert "expected --revision with a commit" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("nested", [False, True])
def test_code_in_another_repository_is_not_followed(own: Path, name: str, nested: bool) -> None:
    config = json.loads((own / name).read_text())
    named = {"auto_map": {"AutoTokenizer": ["other/code--file.Tokenizer", None]}}
    config |= {"text_config": named} if nested else named
    (own / name).write_text(json.dumps(config))
    with pytest.raises(GeoscopeError, match=rf"got 'other/code--file.Tokenizer' in the auto_map of {re.escape(name)}"):
        load_checkpoint(str(own), trust_remote_code=True)


def test_an_adapters_base_needs_a_commit_too(hub: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_model.safetensors").touch()
    described = {"peft_type": "LORA", "base_model_name_or_path": "org/own"}
    (folder / "adapter_config.json").write_text(json.dumps(described))
    with pytest.raises(GeoscopeError, match=r"a commit \(40 hex digits\) of 'org/own' as the revision"):
        find_checkpoint(str(folder), trust_remote_code=True)
    (folder / "adapter_config.json").write_text(json.dumps({**described, "revision": COMMIT}))
    assert find_checkpoint(str(folder), trust_remote_code=True).folder == hub


def test_an_adapter_names_no_module_to_import(tmp_path: Path) -> None:
    described = {"peft_type": "LORA", "megatron_config": {}, "megatron_core": "own"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(described))
    (tmp_path / "adapter_model.safetensors").touch()
    with pytest.raises(GeoscopeError, match=r"got an adapter_config.json with megatron_config; merge the adapter"):
        find_checkpoint(str(tmp_path))


def test_code_of_a_named_tokenizer_runs_from_a_folder_only(hub: Path, own: Path) -> None:
    for folder in (hub, own):
        told = json.loads((folder / "tokenizer_config.json").read_text())
        told |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": [None, "words.Own"]}}
        (folder / "tokenizer_config.json").write_text(json.dumps(told))
        (folder / "words.py").write_text("from transformers import PreTrainedTokenizerFast\n\n"
                                         "class Own(PreTrainedTokenizerFast):\n    pass\n")  # fmt: skip
    shutil.rmtree(own / "own.py", ignore_errors=True)
    asked: dict[str, Any] = {"trust_remote_code": True}
    assert type(load_checkpoint(str(own), tokenizer=str(own), **asked).tokenizer).__name__ == "Own"
    with pytest.raises(GeoscopeError, match="download and read it, then give its folder with --trust-remote-code"):
        load_checkpoint(str(own), tokenizer="org/own", **asked)


@pytest.fixture
def environment() -> Iterator[None]:
    """The environment, left as it was."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_telemetry_is_off_whatever_the_environment_says() -> None:
    body = (
        "import os\nfrom geoscope.cli.app import main\n"
        "assert main(['measures', '--format', 'csv', '-o', os.devnull]) in (0, 2)\n"
        "from huggingface_hub import constants\n"
        "print(os.environ['HF_HUB_DISABLE_TELEMETRY'], os.environ['RAY_USAGE_STATS_ENABLED'],"
        " constants.HF_HUB_DISABLE_TELEMETRY)"
    )
    asked = {"HF_HUB_DISABLE_TELEMETRY": "0", "RAY_USAGE_STATS_ENABLED": "1"}
    told = subprocess.run(  # a process of its own: huggingface_hub looks once, when it is loaded
        [sys.executable, "-c", body], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["1", "0", "True"]


def test_offline_holds_for_a_run_and_no_longer(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    from huggingface_hub import constants

    for name in network.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    with network.offline(True):
        assert all(os.environ[name] == "1" for name in network.OFFLINE)
        assert constants.HF_HUB_OFFLINE
        assert datasets.config.HF_HUB_OFFLINE
        with network.offline(False):
            assert network.why_offline() == "--offline keeps this run from the Hugging Face hub"
    assert not any(name in os.environ for name in network.OFFLINE)
    assert not constants.HF_HUB_OFFLINE
    assert not datasets.config.HF_HUB_OFFLINE
    assert network.why_offline() is None


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("measure org/absent", "'org/absent', which is not a local folder, is not in the cache"),
        ("measure org/own --revision v9", "'org/own' at revision 'v9'"),
        ("measure {own} --corpus ptb", "the corpus 'ptb' (ptb-text-only/ptb_text_only) on the hub or in the cache"),
        ("measure {own} --corpus a/b:train:text", "the data set 'a/b' on the hub or in the cache"),
        ("measure {own} --corpus {texts} --tokenizer org/words", "'org/words'"),
        ("finetune {own} --task cola -o out", "the task 'cola'"),
    ],
)
def test_offline_says_what_the_cache_lacks(
    hub: Path, checkpoint_folder: Folder, line: str, missing: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    import datasets
    from huggingface_hub import HfApi, constants

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("the hub was asked")

    for name in ("model_info", "dataset_info"):
        monkeypatch.setattr(HfApi, name, refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    given = line.format(own=checkpoint_folder("bert"), texts=tmp_path / "texts.txt").split()
    assert main([*given, "--offline", "--quiet"]) == 2
    told = capsys.readouterr().err
    assert missing in told
    assert "--offline keeps this run from the Hugging Face hub" in told


def test_offline_can_be_configured(hub: Path, environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["GEOSCOPE_OFFLINE"] = "1"
    assert main(["measure", "org/absent"]) == 2
    assert "--offline keeps" in capsys.readouterr().err


WITHOUT_SOCKETS = """
import socket
def refuse(*arguments, **options):
    with open({log!r}, "a") as log:
        log.write("asked\\n")
    raise OSError("no network here")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = refuse
"""


def test_nothing_is_asked_of_the_network_for_local_files(checkpoint_folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_SOCKETS.format(log=str(tmp_path / "log")))
    (tmp_path / "texts.txt").write_text(TEXT)
    around = {name: value for name, value in os.environ.items() if name not in network.OFFLINE}
    path = os.pathsep.join(filter(None, [str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH")]))
    line = ["measure", str(checkpoint_folder("bert")), "--corpus", "texts.txt", "--sequences", "3", "--no-errors"]
    told = subprocess.run(
        [sys.executable, "-m", "geoscope", *line, "--measures", "isoscore,two_nn", "--quiet"],
        capture_output=True, text=True, timeout=240, cwd=tmp_path, env={**around, "PYTHONPATH": path},
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout)["measurements"]
    assert not (tmp_path / "log").exists()


def test_versions_with_known_holes_are_refused_before_they_are_used(tmp_path: Path) -> None:
    for name, number in (("torch", "2.5.1"), ("transformers", "5.2.0")):
        held = tmp_path / f"{name}-{number}.dist-info"
        held.mkdir()
        (held / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH")]))
    start = [sys.executable, "-m", "geoscope"]
    around = {**os.environ, "PYTHONPATH": path}
    told = subprocess.run(
        [*start, "measure", "demo"], capture_output=True, text=True, timeout=120, cwd=tmp_path, env=around
    )
    assert told.returncode == 2
    assert re.search(r"expected (torch|transformers) of version [\d.]+ or above, got .*CVE-", told.stderr)
    assert len(told.stderr.splitlines()) == 1
    light = subprocess.run([*start, "measures"], capture_output=True, text=True, timeout=120, cwd=tmp_path, env=around)
    assert light.returncode == 0


@pytest.mark.parametrize(
    ("number", "fine"),
    [("2.10.0", True), ("2.10", True), ("2.13.0+cpu", True), ("2.10.0a0+git1", True), ("1!1.0", False),
     ("2.9.1", False), ("2.9.1+cu130", False), ("3", True)],
)  # fmt: skip
def test_versions_are_numbers_with_dots(number: str, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "version", lambda name: number)
    if fine:
        require("torch")
    else:
        with pytest.raises(GeoscopeError, match=r"expected torch of version 2\.10 or above, got .*CVE-2025-32434"):
            require("torch")


def test_every_requirement_is_of_a_library_that_pip_is_told_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {None: project["dependencies"], **project["optional-dependencies"]}
    for each in REQUIREMENTS:
        assert f"{each.name}>={each.least}" in groups[each.extra]
    told = {f"{each.name}>={each.least}" for each in REQUIREMENTS}
    assert set(project["dependencies"]) <= told
    assert all(isinstance(each, Requirement) and each.why for each in REQUIREMENTS)


def test_nobody_is_asked_whether_code_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the code is of a part of a model, which transformers loads without being told."""
    from transformers.dynamic_module_utils import resolve_trust_remote_code

    from geoscope.subjects.models.checkpoints import quiet_transformers

    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert resolve_trust_remote_code(None, "org/own", False, True)
    with quiet_transformers(), pytest.raises(ValueError, match="trust_remote_code"):
        resolve_trust_remote_code(None, "org/own", False, True)

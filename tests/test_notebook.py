"""A walk: somebody in a notebook, with a loaded model and a list of strings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
from tiny_models import build

import geoscope
from geoscope.errors import GeoscopeError

Folder = Callable[[str], Path]


class Notebook:
    """Cells run one after another in one namespace; each shows its last line as IPython does."""

    def __init__(self, **held: Any) -> None:
        self.held = held

    def cell(self, *lines: str) -> tuple[str, str | None]:
        """What the last line shows: as text, and as HTML where it has any."""
        for line in lines[:-1]:
            exec(line, self.held)
        value = eval(lines[-1], self.held)
        html = getattr(value, "_repr_html_", None)
        return repr(value), None if html is None else html()


def test_a_loaded_model_and_a_list_of_strings(
    checkpoint_folder: Folder, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = checkpoint_folder("llama")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model.train()
    notebook = Notebook(model=model, tokenizer=transformers.AutoTokenizer.from_pretrained(folder), texts=list(texts))
    shown, drawn = notebook.cell(
        "import geoscope",
        "report = geoscope.measure(model, tokenizer=tokenizer, texts=texts, layers='all', "
        "measures=['isoscore', 'two_nn'])",
        "report",
    )
    lines = shown.splitlines()
    assert lines[0].startswith("Report: ")
    assert lines[1] == str(folder)
    assert lines[2].startswith("LlamaModel, 32 dimensions, ")
    assert lines[3].startswith("layer 3: isoscore 0.")
    assert lines[4] == "layers 0, 1, 2, 3"
    assert drawn is not None
    assert drawn.count('<svg class="chart') == 2
    assert model.training
    value, _ = notebook.cell("report['two_nn'][3]")
    assert float(value) == notebook.held["report"].value("two_nn", 3)
    frame, table = notebook.cell("frame = report.to_dataframe()", "frame[frame.measure == 'isoscore']")
    assert "[4 rows x" in frame
    assert table is not None
    untrained, _ = notebook.cell(
        "import copy, torch",
        "other = copy.deepcopy(model)",
        "torch.manual_seed(0)",
        "torch.nn.init.normal_(other.model.layers[0].mlp.up_proj.weight, std=2.0)",
        "told = geoscope.compare(report, other, tokenizer=tokenizer, texts=texts)",
        "told",
    )
    assert untrained.startswith("Comparison: ")
    assert "changed" in untrained
    summary, _ = notebook.cell("told.summary()")
    assert "isoscore" in summary
    notebook.cell("report.write('before.json')", "geoscope.Report.read('before.json') == report")
    assert geoscope.Report.read("before.json") == notebook.held["report"]


HELD = ["w01 w02 w03 w04", "w05 w06 w07", "w08 w09", "w10 w11 w12", "w13 w14 w15 w16"]


def test_texts_of_every_kind_are_one_corpus(checkpoint_folder: Folder) -> None:
    from datasets import Dataset

    folder = checkpoint_folder("bert")
    model = transformers.AutoModel.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    told = Dataset.from_dict({"text": HELD, "label": list(range(5))})
    alone = Dataset.from_dict({"passage": HELD})

    def numbers(**asked: Any) -> Any:
        report = geoscope.measure(model, tokenizer=tokenizer, measures="average_cosine_similarity", **asked)
        return report.measurements, report.sample.fingerprint

    expected = numbers(texts=HELD)
    for texts in (tuple(HELD), told, told["text"], alone, alone["passage"]):
        assert numbers(texts=texts) == expected
        assert numbers(corpora=[texts]) == expected
    assert numbers(corpora=told) == expected
    assert numbers(texts=HELD[0])[1] == numbers(texts=[HELD[0]])[1] == numbers(corpora=[[HELD[0]]])[1]
    with pytest.raises(GeoscopeError, match=r"got 'w01 w02 w03 w04'; texts themselves are given as texts=\["):
        numbers(corpora=HELD)


def test_lone_strings_are_lists_of_one(tmp_path: Path) -> None:
    build("bert", tmp_path)
    folder = str(tmp_path)
    one = geoscope.measure(folder, measures="two_nn", corpora="sample", layers="last", sequences=20)
    several = geoscope.measure(folder, measures=["two_nn"], corpora=["sample"], layers=[-1], sequences=20)
    assert one.measurements == several.measurements
    assert [row.measure for row in one.measurements] == ["two_nn"]


def test_the_page_on_python_runs(
    checkpoint_folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: tuple[str, ...]
) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).resolve().parent.parent / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    folder = checkpoint_folder("bert")
    for kind in (transformers.AutoModel, transformers.AutoTokenizer):
        loaded = kind.from_pretrained(folder)
        monkeypatch.setattr(kind, "from_pretrained", lambda name, held=loaded: held)
    code = "\n".join(blocks)
    sentences = re.search(r"texts = \[.*\]\n", code)
    assert sentences is not None
    held: dict[str, Any] = {}
    exec(compile(code.replace(sentences[0], f"texts = {list(texts)!r}\n"), "python.md", "exec"), held)
    assert geoscope.Report.read("report.json") == held["report"]
    assert held["axes"].get_title() == "two_nn"
    assert held["rows"]["isoscore"].value == pytest.approx(held["rows"].value("isoscore", 3))

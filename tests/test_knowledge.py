"""Each piece of knowledge stands in one place: an option's default, a measure's traits, what a subject is, a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from knowledge import KNOWLEDGE, PACKAGE, option_defaults, option_lists, result_columns, table_readers

from geoscope.settings import fine_tuning, judging, measuring, studying
from geoscope.settings.option import fields_of

HOME = {
    "defaults of options": "its field in geoscope/settings (elsewhere: default_of(group, name))",
    "lists of options": "a group of geoscope/settings (elsewhere: part(group, options))",
    "choices of options": "its field's Literal (elsewhere: choices_of(group, name))",
    "ladders of subjects": "geoscope/subjects/opening.py, and geoscope/subjects/kinds.py for what a subject is",
    "readers of tables": "geoscope/subjects/tables/tables.py",
    "traits of measures": "its row in geoscope/catalogue/",
    "columns of results": "the table in geoscope/documents of the kind of result",
}


@pytest.mark.parametrize("what", KNOWLEDGE)
def test_it_stands_in_one_place(what: str) -> None:
    found = KNOWLEDGE[what](PACKAGE)
    assert not found, f"{what} belong to {HOME[what]}"


def test_what_is_written_again_is_found(tmp_path: Path) -> None:
    (tmp_path / "again.py").write_text(
        "import csv\n"
        "def draw(sequences: int = 5000, seed: int = 0, *, pooling='tokens', shown=5000): ...\n"
        "class Options:\n    bits: int = 8\n    n: int = 8\n"
        "NAMES = ('corpora', 'split', 'words', 'sequences')\n"
        "rows = csv.reader([])\n"
    )
    assert option_defaults(tmp_path) == [
        "again.py:2 sequences=5000", "again.py:2 pooling='tokens'", "again.py:4 bits=8"
    ]  # fmt: skip
    assert option_lists(tmp_path) == ["again.py:6 4 names"]
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "yaml.py").write_text("""def text(row): return row['p_adjusted'], row['other']""")
    assert result_columns(tmp_path) == ["forms/yaml.py:1 p_adjusted"]
    assert table_readers(tmp_path) == ["again.py:7 csv.reader"]


def test_groups_share_their_fields() -> None:
    """A name that several commands have is one field, unless it means something else there."""
    own = set(fields_of(fine_tuning.Training))  # what is trained, and from which seed on
    groups = (measuring.MeasureKeywords, judging.CompareKeywords, judging.FloorKeywords, studying.StudyKeywords)
    for group in (*groups, fine_tuning.FineTuningKeywords):
        for name, field in fields_of(group).items():
            shared = [fields_of(other)[name] for other in groups if name in fields_of(other)]
            assert all(other.option == field.option for other in shared) or name in own, name

"""The options that commands share, each defined once: an option means the same wherever it is found."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from geoscope.errors import GeoscopeError

_LIMITS, _SAMPLE, _MEASURES, _RUN, _OUTPUT = "Limits", "Sample", "Measures", "Run", "Output"


class Form(StrEnum):
    """The forms of a report."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"


class Pooling(StrEnum):
    """What makes a row."""

    tokens = "tokens"
    mean = "mean"
    cls = "cls"
    last = "last"


class Tokens(StrEnum):
    """Which positions count as rows under `tokens` pooling."""

    all = "all"
    content = "content"
    no_first = "no-first"
    types = "types"


class GateForm(StrEnum):
    """The forms of a comparison or a check."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"
    junit = "junit"
    github = "github"


class Null(StrEnum):
    """What structureless points a measure's null is taken from."""

    auto = "auto"
    closed = "closed"
    matched = "matched"
    none = "none"


class Population(StrEnum):
    """What standard errors are of."""

    endless = "endless"
    corpus = "corpus"


class Quantizer(StrEnum):
    """What the codebooks are trained by."""

    lsq = "lsq"
    lsq_faiss = "lsq-faiss"
    pq = "pq"
    kmeans = "kmeans"


SubjectsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SUBJECT...",
        show_default=False,
        help="A Hugging Face id, a checkpoint folder, an embeddings file (.npy .npz .safetensors .parquet), "
        "a folder written by extract, or demo. Several, such as runs/checkpoint-*, are measured in the order of their "
        "steps; -o then names a folder that gets a report of each (run again to go on), and all of them go to stdout.",
    ),
]
CheckpointArgument = Annotated[
    str,
    typer.Argument(show_default=False, help="A Hugging Face id, a checkpoint folder, or demo."),
]

_COMPARED = "a report (.json, or - for standard input), or any subject that measure takes"
BaseArgument = Annotated[str, typer.Argument(show_default=False, help=f"What to hold against: {_COMPARED}.")]
CandidatesArgument = Annotated[
    list[str], typer.Argument(metavar="CANDIDATE...", show_default=False, help=f"What to hold against it: {_COMPARED}.")
]
ReportArgument = Annotated[str, typer.Argument(show_default=False, help="A report's .json, or - for standard input.")]
BoundsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="LIMIT...",
        show_default=False,
        help="MEASURE[@LAYER] then <, <=, > or >=, then a number, in quotes: 'anisotropy<0.5' 'two_nn@last>5'.",
    ),
]

FailOnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="MEASURE[@LAYER]:[+|-]AMOUNT[%]",
        show_default="the project's",
        help="Fail where a change passes this by more than its noise: isoscore_star:-10% (a drop), anisotropy:+0.05 "
        "(a rise), two_nn@last:2.0 (either way); may be repeated.",
        rich_help_panel=_LIMITS,
    ),
]
MarginOption = Annotated[
    str,
    typer.Option(
        "--margin", metavar="SHARE",
        help="Share of the base's value (of what can move of it) up to which a change is no news.",
        rich_help_panel=_LIMITS,
    ),
]  # fmt: skip
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Let noise excuse no breach of a limit.", rich_help_panel=_LIMITS)
]
NoConfigOption = Annotated[
    bool,
    typer.Option(
        "--no-config", help="Read no limits from pyproject.toml or geoscope.toml.", rich_help_panel=_LIMITS
    ),
]  # fmt: skip
SimilarityOption = Annotated[
    bool,
    typer.Option(
        "--similarity",
        help="How alike the spaces are too: linear CKA, Procrustes distance, mutual neighbours. Not of reports.",
    ),
]
AlignOption = Annotated[
    bool,
    typer.Option("--align", help="Where numbers of sequences, rows or points differ, measure again at the least."),
]

CorpusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--corpus",
        metavar="NAME|FILE",
        show_default="ptb and wikitext2; sample for demo",
        help="ptb, wikitext2, sample, a .txt .jsonl .csv .parquet file, or NAME=FILE; may be repeated.",
        rich_help_panel=_SAMPLE,
    ),
]
SplitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--split",
        metavar="NAME",
        show_default="every split",
        help="Draw only from this split of ptb and wikitext2; may be repeated.",
        rich_help_panel=_SAMPLE,
    ),
]
WordsOption = Annotated[
    str | None,
    typer.Option(
        "--words",
        metavar="MIN-MAX",
        show_default="text as it is",
        help="Read of every line its words of two letters or more, and only lines of so many, each once.",
        rich_help_panel=_SAMPLE,
    ),
]
SequencesOption = Annotated[
    int,
    typer.Option("--sequences", metavar="N", min=1, help="Sequences to draw.", rich_help_panel=_SAMPLE),
]
MaxLengthOption = Annotated[
    int,
    typer.Option("--max-length", metavar="N", min=1, help="Tokens a sequence is cut to.", rich_help_panel=_SAMPLE),
]
PointsOption = Annotated[
    str,
    typer.Option(
        "--points",
        metavar="N|all",
        help="Rows the pairwise and quantized measures see.",
        rich_help_panel=_SAMPLE,
    ),
]
LayersOption = Annotated[
    str,
    typer.Option(
        "--layers",
        metavar="last|all|union|0,6,-1",
        help="Layers to measure; 0 is the embedding layer, union all but it as one cloud.",
        rich_help_panel=_SAMPLE,
    ),
]
PoolingOption = Annotated[
    Pooling, typer.Option("--pooling", help="What makes a row; padding never does.", rich_help_panel=_SAMPLE)
]
TokensOption = Annotated[
    Tokens,
    typer.Option(
        "--tokens",
        help="Under tokens pooling: every position, no special tokens, not position 0, or one row a type.",
        rich_help_panel=_SAMPLE,
    ),
]
GroupsOption = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="COLUMN|KEY|FILE",
        show_default="each row alone",
        help="For embeddings files: which sequence a row belongs to.",
        rich_help_panel=_SAMPLE,
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Of every random choice.", rich_help_panel=_SAMPLE)
]

MeasuresOption = Annotated[
    str | None,
    typer.Option(
        "--measures",
        metavar="a,b,...",
        show_default="all",
        help="Measures or families, as `geoscope measures` lists them.",
        rich_help_panel=_MEASURES,
    ),
]
ZetaOption = Annotated[
    float,
    typer.Option(
        "--isoscore-zeta",
        metavar="ZETA",
        min=0.0,
        max=1.0,
        help="How far isoscore_star shrinks the covariance towards the reference.",
        rich_help_panel=_MEASURES,
    ),
]
ReferenceOption = Annotated[
    str,
    typer.Option(
        "--isoscore-reference",
        metavar="scaled-identity|FILE",
        help="What isoscore_star shrinks towards: (tr C / d) I, or a d x d covariance in a file.",
        rich_help_panel=_MEASURES,
    ),
]
QuantizerOption = Annotated[
    Quantizer,
    typer.Option("--quantizer", help="What the codebooks are trained by.", rich_help_panel=_MEASURES),
]
CodebooksOption = Annotated[
    int, typer.Option("--codebooks", metavar="N", min=1, help="Codebooks.", rich_help_panel=_MEASURES)
]
BitsOption = Annotated[
    int,
    typer.Option("--bits", metavar="N", min=1, max=16, help="Bits of a codebook.", rich_help_panel=_MEASURES),
]
ErrorsOption = Annotated[
    bool,
    typer.Option("--errors/--no-errors", help="Standard errors over sequences.", rich_help_panel=_MEASURES),
]
PopulationOption = Annotated[
    Population,
    typer.Option(
        "--population",
        help="What a standard error is of: drawing sequences from an endless corpus like this one, or from this finite "
        "one (then 0 where all of it is drawn).",
        rich_help_panel=_MEASURES,
    ),
]
NullOption = Annotated[
    Null,
    typer.Option(
        "--null",
        help="What structureless points give: in closed form, or measured on matched ones.",
        rich_help_panel=_MEASURES,
    ),
]

DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, mps.", rich_help_panel=_RUN)
]
DtypeOption = Annotated[
    str,
    typer.Option("--dtype", metavar="NAME", help="Of the model: auto, float32, bfloat16.", rich_help_panel=_RUN),
]
BatchTokensOption = Annotated[
    int | None,
    typer.Option(
        "--batch-tokens",
        metavar="N",
        min=1,
        show_default="auto",
        help="Tokens read at once; less takes less memory.",
        rich_help_panel=_RUN,
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        show_default="no bound",
        help="Most memory to work in (4GB, 500MB, 2GiB), the model's weights included, Python and its libraries not. "
        "Refused where it cannot be kept.",
        rich_help_panel=_RUN,
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="auto|ADDRESS",
        show_default="one after another",
        help="Measure side by side on a Ray cluster: its address, or auto for the one that runs, else this machine.",
        rich_help_panel=_RUN,
    ),
]
RevisionOption = Annotated[
    str | None,
    typer.Option(
        "--revision",
        metavar="REV",
        show_default="the newest",
        help="Branch, tag or commit of a Hugging Face id.",
        rich_help_panel=_RUN,
    ),
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run the code a checkpoint brings along.", rich_help_panel=_RUN),
]
PickleOption = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Load weights that can only be unpickled; refused otherwise.",
        rich_help_panel=_RUN,
    ),
]

FormatOption = Annotated[
    Form | None,
    typer.Option(
        "--format",
        show_default="-o's suffix; a table on a terminal, json in a pipe",
        help="Form of the output.",
        rich_help_panel=_OUTPUT,
    ),
]
GateFormatOption = Annotated[
    GateForm | None,
    typer.Option(
        "--format",
        show_default="-o's suffix; a table on a terminal, json in a pipe",
        help="Form of the output.",
        rich_help_panel=_OUTPUT,
    ),
]
StepSummaryOption = Annotated[
    bool,
    typer.Option(
        "--step-summary",
        help="Append Markdown to the file GITHUB_STEP_SUMMARY names; --format github does so too.",
        rich_help_panel=_OUTPUT,
    ),
]
OutputOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default="stdout",
        help="Where to write, whole or not at all.",
        rich_help_panel=_OUTPUT,
    ),
]
FolderOption = Annotated[
    str,
    typer.Option("--output", "-o", metavar="DIR", show_default=False, help="Folder to write.", rich_help_panel=_OUTPUT),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.", rich_help_panel=_OUTPUT)
]
NoProgressOption = Annotated[bool, typer.Option("--no-progress", help="No progress bar.", rich_help_panel=_OUTPUT)]


def points_of(text: str) -> int | None:
    """A number of rows, or None for all of them."""
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise GeoscopeError(f"expected --points to be a number above 0 or all, got {text!r}; give one of them")
    return int(text)


def keys_of(text: str | None) -> list[str] | None:
    """The names in a comma-separated list, checked before any work is done."""
    if text is None:
        return None
    from geoscope.catalogue import select

    names = [name.strip() for name in text.split(",") if name.strip()]
    select(names)
    return names


def share_of(text: str) -> float:
    """A share such as 5% or 0.05."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise GeoscopeError(f"expected --margin to be a share such as 5% or 0.05, got {text!r}; give one of 0 or more")
    return share

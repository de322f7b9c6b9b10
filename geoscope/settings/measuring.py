"""The options of whatever measures: which rows, which numbers of them, how a checkpoint is loaded and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal, TypedDict

from geoscope.bounds import CODEBOOKS
from geoscope.progress import Progress
from geoscope.protocols import PROTOCOLS
from geoscope.settings.loading import Batches, Cluster, Kept, Loading, Memory, Network
from geoscope.settings.option import Option
from geoscope.settings.texts import LAYER_WORDS, MEASURE_WORDS, keys_of, layers_of, points_of, ranks_of, transforms_of
from geoscope.transforms import WRITTEN

_SAMPLE, _MEASURES = "Sample", "Measures"

_PROGRESS = Option(None, "Called with (done, total, what) as the run goes on.", typed=False, takes="callable")

NAMED_CORPORA = ("ptb", "wikitext2", "sample")
"""The corpora that have a name; anything else is a file, a pipe or a data set of the hub."""

Pooling = Literal["tokens", "mean", "cls", "last", "model", "vocabulary"]
Stack = Literal["encoder", "decoder"]
Tokens = Literal["all", "content", "no-first", "types"]
QuantizerKind = Literal["lsq", "lsq-faiss", "pq", "kmeans"]
Population = Literal["endless", "corpus"]
Null = Literal["auto", "closed", "matched", "none"]

MAX_LENGTH = 128
"""Tokens a sequence is cut to where nobody says and the model reads so many."""


class Seed(TypedDict, total=False):
    """What every random choice is drawn with."""

    seed: Annotated[int, Option(0, "Of every random choice.", _SAMPLE, metavar="N", least=0, told="sample.seed")]


class Text(TypedDict, total=False):
    """Which text a checkpoint reads, and which rows come of it."""

    protocol: Annotated[
        str | None,
        Option(
            None,
            f"Sample, pool and measure as a work did: {', '.join(PROTOCOLS)}. Options that are typed go first.",
            _SAMPLE, metavar="NAME", shown="none", told="settings.protocol", of_text=True, drawn=True,
            words=tuple(PROTOCOLS), often=4,
        ),
    ]  # fmt: skip
    corpora: Annotated[
        Sequence[Any] | str | None,
        Option(
            None,
            "ptb, wikitext2, sample, a .txt .jsonl .json .csv .tsv .parquet file (also .gz), NAME=FILE, - for standard "
            "input (lines, or records of JSON), or ORG/NAME:SPLIT:COLUMN of the hub; may be repeated.",
            _SAMPLE, flags=("--corpus",), metavar="NAME|FILE", shown="ptb and wikitext2; sample for demo",
            repeated=True, told="sample.corpora", of_text=True, drawn=True, words=NAMED_CORPORA, often=9,
            takes="str, path, list of texts, column of strings or Dataset, or a list of these",
        ),
    ]  # fmt: skip
    text_columns: Annotated[
        Sequence[str] | None,
        Option(
            None, "Of a corpus with columns or fields, the one to read; repeated, each corpus's own.",
            _SAMPLE, flags=("--text-column",), metavar="NAME", shown="text, sentence, or the only one of text",
            repeated=True, of_text=True, drawn=True,
            takes="str or sequence of str",
        ),
    ]  # fmt: skip
    texts: Annotated[
        Any,
        Option(
            None, "Texts to read in the place of corpora, a sequence each; a lone string is one.", typed=False,
            of_text=True, drawn=True, takes="list of str, column of strings, Dataset or DataFrame",
        ),
    ]  # fmt: skip
    split: Annotated[
        Sequence[str] | str | None,
        Option(
            None, "Draw only from this split of ptb and wikitext2; may be repeated.",
            _SAMPLE, metavar="NAME", shown="every split", repeated=True, told="settings.split", of_text=True,
            drawn=True,
            takes="str or sequence of str",
        ),
    ]  # fmt: skip
    words: Annotated[
        str | None,
        Option(
            None, "Read of every line its words of two letters or more, and only lines of so many, each once.",
            _SAMPLE, metavar="MIN-MAX", shown="text as it is", told="settings.words", of_text=True, drawn=True,
        ),
    ]  # fmt: skip
    sequences: Annotated[
        int,
        Option(
            5000, "Sequences to draw.",
            _SAMPLE, metavar="N", least=1, told="sample.sequences", of_text=True, drawn=True, often=7,
        ),
    ]  # fmt: skip
    max_length: Annotated[
        int | None,
        Option(
            None, "Tokens a sequence is cut to.", _SAMPLE, metavar="N", least=1,
            shown=f"{MAX_LENGTH}, or what the model reads if that is less", told="sample.max_length",
            of_text=True, drawn=True,
        ),
    ]  # fmt: skip
    layers: Annotated[
        str | int | Sequence[int],
        Option(
            "last", "Layers to measure; 0 is the embedding layer, union all but it as one cloud.",
            _SAMPLE, metavar="last|all|union|0,6,-1", parse=layers_of, told="settings.layers", words=LAYER_WORDS,
            often=9,
            takes="str, int or sequence of int",
        ),
    ]  # fmt: skip
    pooling: Annotated[
        Pooling,
        Option(
            "tokens", "What makes a row; padding never does. model: as a sentence-transformers folder says. "
            "vocabulary: the input embedding matrix, a row a token; no text is read.",
            _SAMPLE, told="sample.pooling", of_text=True, drawn=True, often=8,
        ),
    ]  # fmt: skip
    tokens: Annotated[
        Tokens,
        Option(
            "all", "Under tokens pooling: every position, no special tokens, not position 0, or one row a type.",
            _SAMPLE, told="settings.tokens",
        ),
    ]  # fmt: skip
    before_final_norm: Annotated[
        bool,
        Option(
            False, "The last layer as it goes into the final norm that some models end with.",
            _SAMPLE, told="settings.before_final_norm", of_text=True, drawn=True,
        ),
    ]  # fmt: skip
    stack: Annotated[
        Stack,
        Option(
            "encoder", "Which half of an encoder-decoder; its decoder reads the same text.",
            _SAMPLE, told="settings.stack", of_text=True, drawn=True,
        ),
    ]  # fmt: skip


class Rows(TypedDict, total=False):
    """How many of the rows the pairwise and quantized measures see."""

    points: Annotated[
        int | str | None,
        Option(
            10000, "Rows the pairwise and quantized measures see.",
            _SAMPLE, metavar="N|all", least=1, parse=points_of, told="sample.points", words=("all",), often=5,
            takes="int or {'all'}",
        ),
    ]  # fmt: skip


class Groups(TypedDict, total=False):
    """Which rows of an embeddings file are meant, and whose they are."""

    column: Annotated[
        str | None,
        Option(
            None,
            "For embeddings files: the column, field or key that holds the rows, or how the names of several columns "
            "begin.",
            _SAMPLE, metavar="NAME", shown="the only one", told="settings.column", drawn=True,
        ),
    ]  # fmt: skip
    groups: Annotated[
        Any,
        Option(
            None, "For embeddings files: which sequence a row belongs to.",
            _SAMPLE, metavar="COLUMN|KEY|FILE", shown="each row alone", told="settings.groups", drawn=True, often=3,
            takes="sequence of n labels, or the name of a column, key or file",
        ),
    ]  # fmt: skip


class Quantizer(TypedDict, total=False):
    """What learns the cells of the quantized measures."""

    quantizer: Annotated[
        QuantizerKind, Option("lsq", "What the codebooks are trained by.", _MEASURES, told="settings.quantizer.kind")
    ]


class CodebookOptions(Quantizer, total=False):
    """How many cells it learns."""

    codebooks: Annotated[
        int,
        Option(4, "Codebooks.", _MEASURES, metavar="N", least=1, most=CODEBOOKS, told="settings.quantizer.codebooks"),
    ]
    bits: Annotated[
        int, Option(8, "Bits of a codebook.", _MEASURES, metavar="N", least=1, most=16, told="settings.quantizer.bits")
    ]


class KeyOptions(TypedDict, total=False):
    """Which numbers."""

    measures: Annotated[
        Iterable[str] | None,
        Option(
            None, "Measures or families, as `geoscope measures` lists them.",
            _MEASURES, metavar="a,b,...", shown="all", parse=keys_of, told="settings.measures", words=MEASURE_WORDS,
            often=9,
            takes="str or iterable of str",
        ),
    ]  # fmt: skip


class MeasureChoice(KeyOptions, CodebookOptions, total=False):
    """Which numbers, and how each is defined."""

    isoscore_zeta: Annotated[
        float,
        Option(
            0.0, "How far isoscore_star shrinks the covariance towards the reference.",
            _MEASURES, metavar="ZETA", least=0.0, most=1.0, told="settings.isoscore_zeta",
        ),
    ]  # fmt: skip
    isoscore_reference: Annotated[
        Any,
        Option(
            "scaled-identity", "What isoscore_star shrinks towards: (tr C / d) I, or a d x d covariance in a file.",
            _MEASURES, metavar="scaled-identity|FILE", told="settings.isoscore_reference", words=("scaled-identity",),
            takes="str, path or (d, d) array",
        ),
    ]  # fmt: skip
    alpha_req_ranks: Annotated[
        str,
        Option(
            "11-100", "Ranks of the covariance eigenvalues that alpha_req is fitted to.",
            _MEASURES, metavar="FIRST-LAST", parse=ranks_of, told="settings.alpha_req_ranks",
        ),
    ]  # fmt: skip
    population: Annotated[
        Population,
        Option(
            "endless",
            "What a standard error is of: drawing sequences from an endless corpus like this one, or from this finite "
            "one (then 0 where all of it is drawn).",
            _MEASURES, told="settings.population",
        ),
    ]  # fmt: skip


class Sizes(TypedDict, total=False):
    """Several quantizers in turn."""

    quantizer_grid: Annotated[
        str | None,
        Option(
            None, "Numbers of codebooks x numbers of bits: the quantized measures at each of their pairs.",
            _MEASURES, metavar="2,4,8x6,8", shown="--codebooks x --bits alone", told="settings.quantizer.grid",
        ),
    ]  # fmt: skip


class Quantizing(Sizes, KeyOptions, Quantizer, Seed, total=False):
    """What a grid of quantizers is made of."""


class Permuting(TypedDict, total=False):
    """What p values of how alike spaces are come from."""

    permutations: Annotated[
        int, Option(0, "Random orders of rows, for p values of how alike spaces are.", _MEASURES, metavar="N", least=0)
    ]


class Between(Permuting, total=False):
    """What is measured of several clouds at a time."""

    between: Annotated[
        Literal["layers"] | None,
        Option(None, "How alike layers are: debiased CKA, information imbalance, neighbours.", _MEASURES, shown="none"),
    ]


class Transforming(TypedDict, total=False):
    """What is done to rows before they are measured or kept."""

    transform: Annotated[
        Sequence[str] | None,
        Option(
            None,
            f"Change rows before they are measured: {', '.join(WRITTEN)}; fitted on every row of the layer, in order. "
            "An amount of 0 is none.",
            _MEASURES, metavar="T,...", shown="rows as they are", parse=transforms_of, repeated=True,
            told="settings.transform", words=WRITTEN, often=4,
            takes="str or sequence of str",
        ),
    ]  # fmt: skip


class Beside(TypedDict, total=False):
    """What stands beside each number."""

    errors: Annotated[
        bool,
        Option(
            True, "Standard errors over sequences.", _MEASURES, flags=("--errors/--no-errors",), told="settings.errors"
        ),
    ]
    null: Annotated[
        Null,
        Option(
            "auto", "What structureless points give: in closed form, or measured on matched ones.",
            _MEASURES, told="settings.null",
        ),
    ]  # fmt: skip


class Heard(TypedDict, total=False):
    """Who is told how far a run has come, and what it needs before it starts."""

    progress: Annotated[Progress | None, _PROGRESS]
    announce: Annotated[
        Callable[[str], None] | None,
        Option(
            None, "Called with a sentence on the memory that the run needs, before it starts.", typed=False,
            takes="callable",
        ),
    ]  # fmt: skip


class ReadingOptions(Text, Seed, Loading, Batches, Network, total=False):
    """Whatever makes rows of a checkpoint's text."""


class OneSize(
    Text, Rows, Groups, Seed, Transforming, MeasureChoice, Beside, Loading, Batches, Memory, Network, total=False
):
    """Whatever measures, each measure once."""


class Detailed(TypedDict, total=False):
    """Who holds what is measured."""

    details: Annotated[
        bool,
        Option(
            False,
            "Also tell which dimensions, positions, token ids and rows hold a layer's energy, its largest values and "
            "its neighbours.",
            _MEASURES,
        ),
    ]
    details_text: Annotated[
        bool,
        Option(False, "The same with the text of each token: the report then holds words of the corpus.", _MEASURES),
    ]


class MeasureOptions(OneSize, Sizes, Detailed, Between, total=False):
    """What `measure` can be asked."""


class MeasureKeywords(MeasureOptions, Kept, Heard, total=False):
    """What `geoscope.measure` takes."""


class ReadingKeywords(ReadingOptions, total=False):
    """What reading takes, and who is told how far it has come."""

    progress: Annotated[Progress | None, _PROGRESS]


class ExtractOptions(ReadingOptions, Transforming, total=False):
    """What `extract` can be asked."""


class ExtractKeywords(ReadingKeywords, Transforming, total=False):
    """What `geoscope.extract` takes."""

    output: Annotated[
        Any,
        Option(
            None, "A folder to write, which must be new or empty; a temporary one if left out.", typed=False,
            takes="str or path",
        ),
    ]  # fmt: skip


class BatchKeywords(MeasureOptions, Heard, Cluster, total=False):
    """What measuring many subjects takes."""

    output: Annotated[
        Any, Option(None, "A folder that gets each report as it is made.", typed=False, takes="str or path")
    ]

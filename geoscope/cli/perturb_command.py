"""`perturb`: the command that measures a model at many levels of noise in its weights. Parse, call, print, exit."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from geoscope import files
from geoscope.cli import exits, options
from geoscope.cli.exits import settled
from geoscope.cli.protocol_option import ProtocolOption, left_to_protocol, typed
from geoscope.files import STDOUT
from geoscope.forms import output

_STUDY, _PROBES, _FINE_TUNING = "Study", "Probes", "Fine-tuning"


class NoiseKind(StrEnum):
    """Scale of the noise."""

    absolute = "absolute"
    relative = "relative"


LevelsOption = Annotated[
    str | None,
    typer.Option(
        "--levels",
        metavar="0,0.5,...|marbut2024",
        show_default="0,0.5,1,2,3,5,7,10,15,20,50,100",
        help="Noise levels in percent, or a named grid.",
        rich_help_panel=_STUDY,
    ),
]
SeedsOption = Annotated[
    int,
    typer.Option(
        "--seeds",
        metavar="K",
        min=1,
        help="Draws of the noise at each level, seeded from --seed on.",
        rich_help_panel=_STUDY,
    ),
]
KindOption = Annotated[
    str,
    typer.Option(
        "--kind",
        metavar="noise|shuffle-embeddings|untrained|swap-embeddings=CHECKPOINT",
        help="What is done to the weights.",
        rich_help_panel=_STUDY,
    ),
]
NoiseKindOption = Annotated[
    NoiseKind,
    typer.Option(
        "--noise-kind",
        help="Noise of deviation 1, as published, or of each weight matrix's own deviation.",
        rich_help_panel=_STUDY,
    ),
]
QuantizerGridOption = Annotated[
    str | None,
    typer.Option(
        "--quantizer-grid",
        metavar="2,4,8x6,8",
        show_default="--codebooks x --bits alone",
        help="Numbers of codebooks x numbers of bits: the quantized measures at each of their pairs.",
        rich_help_panel=_STUDY,
    ),
]
TargetsOption = Annotated[
    str | None,
    typer.Option(
        "--targets",
        metavar="PATTERN",
        show_default="every weight of the encoder, as published",
        help="Names of the weights that noise goes to, with wildcards: 'encoder.*.attention.*.weight'.",
        rich_help_panel=_STUDY,
    ),
]
SaveOption = Annotated[
    str | None,
    typer.Option(
        "--save",
        metavar="DIR",
        show_default="none is kept",
        help="Folder for the checkpoint of every level and seed.",
        rich_help_panel=_STUDY,
    ),
]
ProbeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--probe",
        metavar="TASK[=DIR],...",
        show_default="none",
        help="Score frozen rows by a linear model: cola, mrpc, sst2, rte, stsb, each with a folder of its files or "
        "through datasets.",
        rich_help_panel=_PROBES,
    ),
]
ProbeRowsOption = Annotated[
    int,
    typer.Option("--probe-rows", metavar="N", min=1, help="Most training examples of a task.", rich_help_panel=_PROBES),
]
FinetuneOption = Annotated[
    list[str] | None,
    typer.Option(
        "--finetune",
        metavar="TASK[=DIR],...",
        show_default="none",
        help="Score the model of every level and seed after fine-tuning it as `geoscope finetune` does, without a "
        "regularizer; tasks as there, except mlm. For a GPU.",
        rich_help_panel=_FINE_TUNING,
    ),
]
FinetuneEpochsOption = Annotated[
    int | None,
    typer.Option(
        "--finetune-epochs", metavar="N", min=1, show_default="3", help="Epochs.", rich_help_panel=_FINE_TUNING
    ),
]  # fmt: skip
FinetuneExamplesOption = Annotated[
    int | None,
    typer.Option(
        "--finetune-examples", metavar="N", min=2, show_default="all", help="Most training examples of a task.",
        rich_help_panel=_FINE_TUNING,
    ),
]  # fmt: skip


@settled
def perturb(
    context: typer.Context,
    checkpoint: options.CheckpointArgument,
    levels: LevelsOption = None,
    seeds: SeedsOption = 3,
    kind: KindOption = "noise",
    noise_kind: NoiseKindOption = NoiseKind.absolute,
    targets: TargetsOption = None,
    save: SaveOption = None,
    probes: ProbeOption = None,
    probe_rows: ProbeRowsOption = 4000,
    finetune: FinetuneOption = None,
    finetune_epochs: FinetuneEpochsOption = None,
    finetune_examples: FinetuneExamplesOption = None,
    protocol: ProtocolOption = None,
    corpora: options.CorpusOption = None,
    split: options.SplitOption = None,
    words: options.WordsOption = None,
    sequences: options.SequencesOption = 5000,
    max_length: options.MaxLengthOption = 128,
    points: options.PointsOption = "10000",
    layers: options.LayersOption = "last",
    pooling: options.PoolingOption = options.Pooling.tokens,
    tokens: options.TokensOption = options.Tokens.all,
    seed: options.SeedOption = 0,
    measures: options.MeasuresOption = None,
    isoscore_zeta: options.ZetaOption = 0.0,
    isoscore_reference: options.ReferenceOption = "scaled-identity",
    quantizer: options.QuantizerOption = options.Quantizer.lsq,
    codebooks: options.CodebooksOption = 4,
    bits: options.BitsOption = 8,
    quantizer_grid: QuantizerGridOption = None,
    errors: options.ErrorsOption = True,
    population: options.PopulationOption = options.Population.endless,
    null: options.NullOption = options.Null.auto,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    batch_tokens: options.BatchTokensOption = None,
    memory: options.MemoryOption = None,
    revision: options.RevisionOption = None,
    trust_remote_code: options.TrustOption = False,
    allow_pickle: options.PickleOption = False,
    ray: options.RayOption = None,
    form: options.FormatOption = None,
    destination: options.OutputOption = STDOUT,
    quiet: options.QuietOption = False,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Measure a checkpoint at several levels of noise in its weights, beside scores of tasks; run again to go on."""
    form_of_output = output.choose_format(form, destination)
    files.check_destination(destination)
    keys = options.keys_of(measures)
    sampled = options.points_of(points)
    parts = None if destination == STDOUT else Path(f"{destination}.parts")
    from geoscope.cli.progress import RunProgress
    from geoscope.quantizer_grid import refuse_size_beside_grid
    from geoscope.rendering import render_report
    from geoscope.studies.study import perturb as study_of
    from geoscope.tasks.finished_work import FinishedReports

    if quantizer_grid is not None and (typed(context, "codebooks") or typed(context, "bits")):
        refuse_size_beside_grid()
    exits.mind_warnings(quiet=quiet)
    with RunProgress(bar=not (quiet or no_progress)) as progress:
        chosen = left_to_protocol(
            context,
            protocol=protocol, corpora=corpora, split=split, words=words, sequences=sequences, max_length=max_length,
            points=sampled, layers=layers, pooling=pooling.value, tokens=tokens.value, seed=seed, measures=keys,
            isoscore_zeta=isoscore_zeta, isoscore_reference=isoscore_reference, quantizer=quantizer.value,
            codebooks=codebooks, bits=bits, quantizer_grid=quantizer_grid, errors=errors,
            population=population.value, null=null.value,
            device=device, dtype=dtype, batch_tokens=batch_tokens, memory=memory, revision=revision,
            trust_remote_code=trust_remote_code, allow_pickle=allow_pickle, progress=progress,
            announce=None if quiet else exits.say,
        )  # fmt: skip
        report = study_of(
            checkpoint, levels=levels, seeds=seeds, kind=kind, noise_kind=noise_kind.value, targets=targets, save=save,
            probes=_split(probes), probe_rows=probe_rows, finetune=_split(finetune), finetune_epochs=finetune_epochs,
            finetune_examples=finetune_examples, parts=parts, ray=ray, **chosen,
        )  # fmt: skip
    files.send(render_report(report, form_of_output, output.page_of(destination)), destination)
    if parts is not None:
        FinishedReports(parts).remove()
    if not quiet:
        exits.say(progress.summary())


def _split(tasks: list[str] | None) -> list[str]:
    return [task for text in tasks or [] for task in text.split(",")]

"""`noise-floor`: the command that says how far measures move by themselves. Parse, call, print, exit."""

from __future__ import annotations

from typing import Annotated

import typer

from geoscope import files
from geoscope.cli import exits, options
from geoscope.cli.exits import settled
from geoscope.files import STDOUT
from geoscope.forms import output

SubjectsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SUBJECT...",
        show_default=False,
        help="One subject as measure takes it, to be measured on several draws of its sequences; or several trainings "
        "(or their reports), each measured on the same sequences.",
    ),
]
DrawsOption = Annotated[
    int,
    typer.Option(
        "--draws", metavar="K", min=3, help="Disjoint draws that one subject's sequences are dealt into.",
        rich_help_panel="Sample",
    ),
]  # fmt: skip


@settled
def noise_floor(
    subjects: SubjectsArgument,
    draws: DrawsOption = 5,
    corpora: options.CorpusOption = None,
    split: options.SplitOption = None,
    sequences: options.SequencesOption = 5000,
    max_length: options.MaxLengthOption = 128,
    points: options.PointsOption = "10000",
    layers: options.LayersOption = "last",
    pooling: options.PoolingOption = options.Pooling.tokens,
    tokens: options.TokensOption = options.Tokens.all,
    groups: options.GroupsOption = None,
    seed: options.SeedOption = 0,
    measures: options.MeasuresOption = None,
    isoscore_zeta: options.ZetaOption = 0.0,
    isoscore_reference: options.ReferenceOption = "scaled-identity",
    quantizer: options.QuantizerOption = options.Quantizer.lsq,
    codebooks: options.CodebooksOption = 4,
    bits: options.BitsOption = 8,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    batch_tokens: options.BatchTokensOption = None,
    revision: options.RevisionOption = None,
    trust_remote_code: options.TrustOption = False,
    allow_pickle: options.PickleOption = False,
    form: options.FormatOption = None,
    destination: options.OutputOption = STDOUT,
    quiet: options.QuietOption = False,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Say how far measures move when nothing changed, over draws or trainings, and the limits that allows."""
    form_of_output = output.choose_format(form, destination)
    files.check_destination(destination)
    keys = options.keys_of(measures)
    sampled = options.points_of(points)
    from geoscope.cli.progress import RunProgress
    from geoscope.comparisons.noise_floors import noise_floor as floor_of
    from geoscope.rendering import render_noise_floor

    exits.mind_warnings(quiet=quiet)
    with RunProgress(bar=not (quiet or no_progress)) as progress:
        result = floor_of(
            *subjects, draws=draws, corpora=corpora, split=split, sequences=sequences, max_length=max_length,
            points=sampled, layers=layers, pooling=pooling.value, tokens=tokens.value, groups=groups, seed=seed,
            measures=keys, isoscore_zeta=isoscore_zeta, isoscore_reference=isoscore_reference,
            quantizer=quantizer.value, codebooks=codebooks, bits=bits, device=device, dtype=dtype,
            batch_tokens=batch_tokens, revision=revision, trust_remote_code=trust_remote_code,
            allow_pickle=allow_pickle, progress=progress,
        )  # fmt: skip
    files.send(render_noise_floor(result, form_of_output, output.page_of(destination)), destination)
    if not quiet:
        exits.say(progress.summary())

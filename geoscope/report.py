"""A report: what was measured, on what, how, and the numbers. Reads and writes its JSON; loads no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from geoscope import presentation
from geoscope.catalogue import NullKind
from geoscope.details import Details, ReportPart
from geoscope.errors import GeoscopeError
from geoscope.files import is_none
from geoscope.layer_matrices import BetweenLayers
from geoscope.result import SCHEMA_VERSION, Result
from geoscope.wording import meant

STUDY_KEYS = ("noise_level", "noise_seed", "transform_level")
"""The key columns of a study's rows."""

SIZE_KEYS = ("codebooks", "bits")
"""The further key columns of quantized measures under a quantizer grid."""


class Subject(ReportPart):
    """What was measured."""

    name: str = Field(description="as the user gave it")
    kind: str = Field(description="checkpoint, embeddings or array")
    architecture: str | None = Field(default=None, description="the model's class; null for embeddings")
    revision: str | None = Field(default=None, description="the commit of a hub checkpoint")
    fingerprint: str | None = Field(default=None, description="sha256 of weights or rows")
    parameters: int | None = Field(default=None, ge=0, description="how many weights the model has")
    layers: int | None = Field(default=None, ge=0, description="how many blocks; layer 0 is the embedding layer")
    hidden_size: int | None = Field(default=None, ge=0, description="dimensions of a row")
    subfolder: str | None = Field(default=None, exclude_if=is_none, description="where in what the name says")
    adapter: dict[str, str] | None = Field(
        default=None, exclude_if=is_none, description="what was merged into the weights: its kind and its base"
    )
    trust_remote_code: bool | None = Field(
        default=None, exclude_if=is_none, description="true where code that it brings along might run"
    )


class CorpusShare(ReportPart):
    """How much of the draw came from one corpus."""

    name: str
    fingerprint: str | None = Field(default=None, description="sha256 of the corpus's sequences")
    sequences: int = Field(ge=0, description="how many of the drawn sequences are from it")


class Dropped(ReportPart):
    """Rows of one layer that some measures leave out."""

    layer: int | None
    duplicates: int = Field(ge=0, description="sampled rows the same as another to within rounding")
    zero_rows: int = Field(ge=0, description="rows of length zero, which have no cosine")


class Sample(ReportPart):
    """Which rows were seen."""

    corpora: list[CorpusShare] = Field(default=[], description="empty for embeddings that do not say")
    sequences: int | None = Field(default=None, ge=0, description="sequences drawn")
    rows: int = Field(ge=0, description="rows the spectral measures saw")
    points: int = Field(ge=0, description="rows the pairwise and quantized measures saw")
    pooling: str | None = Field(default=None, description="what makes a row")
    max_length: int | None = Field(default=None, ge=1, description="tokens a sequence was cut to")
    seed: int = Field(description="of the draw and of the points")
    fingerprint: str | None = Field(
        default=None, exclude_if=is_none, description="sha256 of the drawn sequences: equal means paired"
    )
    sampling_fraction: float | None = Field(
        default=None,
        gt=0,
        le=1,
        exclude_if=is_none,
        description="share of the corpora's sequences that was drawn; standard errors of the population `corpus` allow "
        "for it, as do those of reports whose settings name no population",
    )
    left_out: dict[str, int] | None = Field(
        default=None,
        exclude_if=is_none,
        description="of a vocabulary: rows of the matrix that are not measured, by why",
    )
    dropped: list[Dropped] | None = Field(
        default=None, exclude_if=is_none, description="rows left out, for layers where there were some"
    )


class Measurement(ReportPart):
    """One number: a measure of a layer. A study's measurements carry further key columns."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"value": {"type": "null"}}},
            "then": {"properties": {"reason": {"type": "string", "minLength": 1}}},
        }
    )

    layer: int | None = Field(ge=0, description="0 is the embedding layer; null for a file that is one cloud")
    measure: str = Field(description="its key: `geoscope measures` lists them")
    value: float | None = Field(description="null where the measure is undefined")
    standard_error: float | None = Field(default=None, ge=0, description="over sequences, not over tokens")
    null: float | None = Field(
        default=None, description="what the same estimator gives on structureless points of the same n and d"
    )
    null_kind: NullKind | None = Field(
        default=None,
        exclude_if=is_none,
        description="what points the null is of: isotropic Gaussian ones, or matched, Gaussian with the sample's own "
        "covariance between and within sequences",
    )
    n: int = Field(ge=0, description="rows the number was computed from")
    reason: str | None = Field(
        default=None, description="why the value is null or, beside a value, why it has no standard error; a sentence"
    )
    replicates: list[float] | None = Field(
        default=None,
        exclude_if=is_none,
        repr=False,
        description="the measure without each group of sequences (place in the draw mod 20)",
    )
    caution: str | None = Field(
        default=None, exclude_if=is_none, description="why the value says less than it seems to, and what to change"
    )
    halves: list[float] | None = Field(
        default=None,
        exclude_if=is_none,
        repr=False,
        description="the measure on each of 20 random halves of the sequences, the same of equal draws, where leaving "
        "groups out does not tell its error",
    )
    training_spread: float | None = Field(
        default=None, ge=0, exclude_if=is_none, description="of a quantized measure over trainings; in the error too"
    )
    noise_level: float | None = Field(
        default=None, ge=0, exclude_if=is_none, description="of a study: percent of noise in the weights"
    )
    noise_seed: int | None = Field(default=None, ge=0, exclude_if=is_none, description="of a study: of the change")
    transform_level: float | None = Field(
        default=None, ge=0, exclude_if=is_none, description="of a study of a transform of rows: its amount"
    )
    codebooks: int | None = Field(
        default=None, ge=1, exclude_if=is_none, description="of a quantizer grid: how many this number is by"
    )
    bits: int | None = Field(default=None, ge=1, exclude_if=is_none, description="of a quantizer grid: of a codebook")

    @model_validator(mode="after")
    def _null_has_a_reason(self) -> Measurement:
        if self.value is None and not self.reason:
            raise ValueError("a null value needs a reason")
        return self

    @property
    def quantizer_size(self) -> tuple[int, int] | None:
        """Codebooks and bits under a quantizer grid; None where the report's settings say them."""
        return None if self.codebooks is None or self.bits is None else (self.codebooks, self.bits)

    @model_validator(mode="after")
    def _further_columns(self) -> Measurement:
        for name, value in (self.model_extra or {}).items():
            if not isinstance(value, str | int | float | None):
                raise ValueError(f"a further column, {name}, must be a number or a text")
        return self

    @property
    def keys(self) -> dict[str, Any]:
        """A study's further key columns, such as noise_level."""
        own = {name: getattr(self, name) for name in (*STUDY_KEYS, *SIZE_KEYS)}
        return {name: value for name, value in own.items() if value is not None} | dict(self.model_extra or {})


class Score(ReportPart):
    """How a subject, or a study's subject at one level and seed, did at a task."""

    task: str = Field(description="such as cola")
    metric: str = Field(description="such as matthews_correlation")
    score: float | None = Field(description="null where the score is undefined")
    n: int = Field(ge=0, description="examples that were scored")
    reason: str | None = Field(default=None, description="why the score is null, in a sentence")
    method: str | None = Field(
        default=None, exclude_if=is_none, description="probe, of frozen rows, or finetune, of a model fine-tuned on it"
    )
    noise_level: float | None = Field(
        default=None, ge=0, exclude_if=is_none, description="of a study: percent of noise in the weights"
    )
    noise_seed: int | None = Field(default=None, ge=0, exclude_if=is_none, description="of a study: of the change")
    transform_level: float | None = Field(
        default=None, ge=0, exclude_if=is_none, description="of a study of a transform of rows: its amount"
    )

    @model_validator(mode="after")
    def _null_has_a_reason(self) -> Score:
        if self.score is None and not self.reason:
            raise ValueError("a null score needs a reason")
        return self


class Values(Mapping[int | None, float | None]):
    """A measure's value by layer; of one layer also its measurement: `.value`, `.standard_error`, `.null`, `.n`."""

    def __init__(self, report: Report, measure: str) -> None:
        rows = report.rows_of(measure)
        self._report, self._measure = report, measure
        self._values = {row.layer: row.value for row in rows}
        if len(self._values) < len(rows):
            raise GeoscopeError(
                f"expected one {measure} a layer in {report.subject.name}'s report, got {len(rows)} of "
                f"{len(self._values)} layers; to_dataframe has all"
            )

    def __getitem__(self, layer: int | None) -> float | None:
        return self.measurement(layer).value

    def __iter__(self) -> Iterator[int | None]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{self._measure}: {self._values}"

    def __float__(self) -> float:
        value = self.value
        if value is None:
            raise GeoscopeError(
                f"expected a number, got none: {self._measure} is undefined, {self.measurement().reason}"
            )
        return value

    def measurement(self, layer: int | None = None) -> Measurement:
        """The measurement of a layer, which may be left out where there is one; -1 is the model's last."""
        return self._report.measurement(self._measure, layer)

    @property
    def value(self) -> float | None:
        """The value, of the one layer that there is."""
        return self.measurement().value

    @property
    def standard_error(self) -> float | None:
        """Its standard error over sequences."""
        return self.measurement().standard_error

    @property
    def null(self) -> float | None:
        """What the same estimator gives on structureless points of the same n and d."""
        return self.measurement().null

    @property
    def n(self) -> int:
        """The rows it was computed from."""
        return self.measurement().n


class Report(Result):
    """One subject's numbers, with all it takes to get them again."""

    model_config = ReportPart.model_config
    noun = "report"
    made_by = "geoscope measure SUBJECT -o report.json"

    subject: Subject
    sample: Sample
    settings: dict[str, Any] = Field(description="every setting that changes a number")
    measurements: list[Measurement] = Field(description="one a number, by layer, then in the order of the measures")
    scores: list[Score] | None = Field(default=None, exclude_if=is_none, description="of probes and fine-tunings")
    details: list[Details] | None = Field(
        default=None, exclude_if=is_none, description="one a layer, where they were asked for"
    )
    between: BetweenLayers | None = Field(
        default=None, exclude_if=is_none, description="how alike the layers are, where that was asked for"
    )
    environment: dict[str, Any] = Field(description="versions, threads, device: what may change rounding")

    @property
    def layers(self) -> list[int | None]:
        """The layers that were measured, in the report's order."""
        return list(dict.fromkeys(row.layer for row in self.measurements))

    def __getitem__(self, measure: str) -> Values:
        """A measure's values by layer: `report["two_nn"][6]`, or `report["two_nn"].value` where there is one layer."""
        return Values(self, measure)

    def __contains__(self, measure: object) -> bool:
        return any(row.measure == measure for row in self.measurements)

    def rows_of(self, measure: str) -> list[Measurement]:
        """The measurements of a measure; raises GeoscopeError where the report lacks it."""
        rows = [row for row in self.measurements if row.measure == measure]
        if not rows:
            held = dict.fromkeys(row.measure for row in self.measurements)
            told = f"{near} It" if (near := meant(str(measure), held, "")) else "it"
            raise GeoscopeError(
                f"expected a measure of {self.subject.name}'s report, got {measure!r}; {told} has "
                f"{', '.join(held) or 'none'}"
            )
        return rows

    def plot(self, *names: str, ax: Any = None, beside: Sequence[Report] = ()) -> Any:
        """Draw measures over layers with matplotlib (`pip install 'geoscope[plot]'`).

        Parameters
        ----------
        *names : str
            Measures such as ``"two_nn"``; without any, the first of every family.
        ax : matplotlib.axes.Axes, optional
            Where to draw the one measure that is named; a new figure if left out.
        beside : sequence of Report, default ()
            Further reports to draw into the same charts.

        Returns
        -------
        matplotlib.axes.Axes or list of them
            One for each measure: its values with 95 % intervals, its null dashed.

        Raises
        ------
        GeoscopeError
            Where matplotlib is not installed, or a measure was not measured.
        """
        return presentation().plot([self, *beside] if beside else self, names, ax)

    def value(self, measure: str, layer: int | None = None) -> float | None:
        """One measure's value, None where it is undefined; see `measurement`."""
        return self.measurement(measure, layer).value

    def measurement(self, measure: str, layer: int | None = None) -> Measurement:
        """The measurement of one layer; a report of one layer needs none named, and -1 is the model's last.

        Raises GeoscopeError where the report lacks the measure or the layer, or several layers would do.
        """
        rows = self.rows_of(measure)
        if layer is not None and layer < 0 and self.subject.layers is not None:
            layer += self.subject.layers + 1
        if layer is not None:
            rows = [row for row in rows if row.layer == layer]
        if len(rows) == 1:
            return rows[0]
        held = ", ".join(str(number) for number in self.layers)
        asked = "several" if rows else f"layer {layer}"
        raise GeoscopeError(
            f"expected one row of {measure} in {self.subject.name}'s report, got {asked}; its layers: {held}"
        )


_OPTIONAL = {
    "Subject": {"adapter", "subfolder", "trust_remote_code"},
    "Sample": {"fingerprint", "left_out", "dropped", "sampling_fraction"},
    "Measurement": {"null_kind", "replicates", "halves", "caution", "training_spread", *STUDY_KEYS, *SIZE_KEYS},
    "Score": {"method", *STUDY_KEYS},
    "EnergyShare": {"rows", "text"},
    "LargestValue": {"text"},
    "Hub": {"text"},
    "Details": {"note"},
    "LayerMatrix": {"p", "p_adjusted"},
    "Report": {"scores", "details", "between"},
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a report, as `geoscope schema` prints it."""
    schema = Report.model_json_schema(mode="serialization")
    for part in (schema, *schema["$defs"].values()):
        optional = _OPTIONAL.get(part["title"], set())
        part["required"] = [key for key in part["properties"] if key not in optional]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:geoscope:report:{SCHEMA_VERSION}",
    }
    return head | schema

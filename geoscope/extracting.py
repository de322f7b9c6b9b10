"""`geoscope.extract`: a checkpoint's hidden states kept as embeddings, as they are or transformed."""

from __future__ import annotations

from typing import Any, Unpack

from geoscope.errors import GeoscopeError
from geoscope.passes.fitted_transforms import transformed
from geoscope.protocols import resolved
from geoscope.rows import Source
from geoscope.settings.measuring import ExtractKeywords, ReadingKeywords
from geoscope.settings.option import completed, part, takes
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.text_subjects import keep_embeddings
from geoscope.torch_state import full_precision
from geoscope.transforms import steps_of
from geoscope.wording import layer_in_words


@takes(ExtractKeywords)
@full_precision()
def extract(subject: Any, **given: Unpack[ExtractKeywords]) -> Embeddings:
    """Read text with a checkpoint, and keep its hidden states as embeddings.

    Parameters
    ----------
    subject : model, path or name
        A loaded transformers model, with `tokenizer`, or a SentenceTransformer; or the name or folder of a checkpoint.

    Returns
    -------
    Embeddings
        ``.rows(layer)`` is an (n, d) float32 array; under ``layers="union"`` the layers stand one by one.

    Raises
    ------
    GeoscopeError
        Where the subject, its text or an option is unusable.

    Examples
    --------
    >>> import geoscope
    >>> held = geoscope.extract("demo", texts=["The cat sat.", "It rained all day."], sequences=2, pooling="mean")
    >>> held.rows().shape
    (2, 384)
    """
    options = completed(ExtractKeywords, resolved(given))
    steps = steps_of(options["transform"])

    def changed(source: Source) -> tuple[Source, dict[str, Any]]:
        rows = transformed(source, source.layers, steps, union=False, progress=options["progress"])
        for layer, places in rows.left_out.items():
            raise GeoscopeError(
                f"expected rows with a length above 0 to extract under --transform unit, got {len(places):,} of "
                f"{layer_in_words(layer)} without; measure them with --transform, which leaves them out"
            )
        return rows, {"transform": [str(step) for step in steps], "transform_fits": rows.told}

    keeping = part(ReadingKeywords, given)
    return keep_embeddings(subject, options["output"], changed if steps else None, **keeping)

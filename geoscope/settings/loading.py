"""Loading: how a checkpoint is opened, where it computes, within what memory, and what of it is kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from geoscope.bounds import TOKENS_AT_ONCE
from geoscope.network import offline
from geoscope.settings.option import Option
from geoscope.settings.texts import DEVICE_WORDS

RUN = "Run"
"""The panel of what changes how a run goes, and no number."""


class Device(TypedDict, total=False):
    """Where a model and the searches run."""

    device: Annotated[
        str, Option("auto", "auto, cpu, cuda, mps.", RUN, metavar="NAME", rounds=True, words=DEVICE_WORDS, often=5)
    ]


class Origin(TypedDict, total=False):
    """Where a checkpoint is from, and how far it is trusted."""

    revision: Annotated[
        str | None,
        Option(
            None, "Branch, tag or commit of a Hugging Face id.",
            RUN, metavar="REV", shown="the newest", told="subject.revision", drawn=True,
        ),
    ]  # fmt: skip
    subfolder: Annotated[
        str | None,
        Option(
            None, "Where in the folder or repository the checkpoint is.",
            RUN, metavar="NAME", shown="at its top", told="subject.subfolder", drawn=True,
        ),
    ]  # fmt: skip
    tokenizer: Annotated[
        Any,
        Option(
            None, "Read with this tokenizer, for a checkpoint folder without one.",
            RUN, metavar="ID|FOLDER", shown="the checkpoint's", told="settings.tokenizer", of_text=True, drawn=True,
            takes="str, path or loaded tokenizer",
        ),
    ]  # fmt: skip
    trust_remote_code: Annotated[
        bool,
        Option(
            False, "Run the code a checkpoint brings along; one of the hub then needs --revision with a commit.",
            RUN, told="subject.trust_remote_code", drawn=True, trusts=True,
        ),
    ]  # fmt: skip
    allow_pickle: Annotated[
        bool,
        Option(False, "Load weights that can only be unpickled; refused otherwise.", RUN, drawn=True, trusts=True),
    ]


class Network(TypedDict, total=False):
    """Whether a run may fetch what it lacks."""

    offline: Annotated[
        bool,
        Option(
            False, "Fetch nothing: checkpoints and texts that are no local files come from the hub's cache.",
            RUN, rounds=True, around=offline,
        ),
    ]  # fmt: skip


class Loading(Device, Origin, total=False):
    """How a checkpoint is loaded."""

    device_map: Annotated[
        Literal["auto"] | None,
        Option(
            None,
            "auto: put weights on the GPUs, what these do not hold in memory (in what --memory leaves), and leave the "
            "rest in their files, to be read as they are needed.",
            RUN, metavar="auto", shown="all weights on the device", drawn=True, rounds=True,
        ),
    ]  # fmt: skip

    dtype: Annotated[
        str,
        Option(
            "auto", "Of the model: auto, float32, bfloat16, float16.", RUN, metavar="NAME", told="settings.dtype",
            of_text=True, drawn=True, words=("auto", "float32", "bfloat16", "float16"),
        ),
    ]  # fmt: skip


class Batches(TypedDict, total=False):
    """How much a checkpoint reads at once."""

    batch_tokens: Annotated[
        int | None,
        Option(
            None, "Tokens read at once; less takes less memory.",
            RUN, metavar="N", least=1, most=TOKENS_AT_ONCE, shown="auto", drawn=True, rounds=True,
        ),
    ]  # fmt: skip


class Memory(TypedDict, total=False):
    """What a run may hold."""

    memory: Annotated[
        str | int | None,
        Option(
            None,
            "Most memory to work in (4GB, 500MB, 2GiB), the model's weights included, Python and its libraries not. "
            "Refused where it cannot be kept.",
            RUN, metavar="SIZE", shown="no bound", rounds=True,
            takes="str or int (bytes)",
        ),
    ]  # fmt: skip

    device_memory: Annotated[
        str | int | None,
        Option(
            None,
            "Most memory to work in on --device where that is not the CPU, the model's weights included, the device's "
            "own context not: fewer tokens are read at once, and the text anew for other layers where not the sums of "
            "all fit. Refused where it cannot be kept.",
            RUN, metavar="SIZE", shown="what is free there", rounds=True,
            takes="str or int (bytes)",
        ),
    ]  # fmt: skip


class Cluster(TypedDict, total=False):
    """Where several measurements run."""

    ray: Annotated[
        str | None,
        Option(
            None,
            "Measure side by side on a Ray cluster: its address, or auto for the one that runs, else this machine.",
            RUN, metavar="auto|ADDRESS", shown="one after another", rounds=True, words=("auto",),
        ),
    ]  # fmt: skip


class Kept(TypedDict, total=False):
    """What of a long run outlives an interruption."""

    run: Annotated[
        Any,
        Option(
            None,
            "Folder that keeps a checkpoint's rows as they are read, so that the same command, or one with other "
            "measures, goes on from there. They stay; delete it when you need them no more.",
            RUN, metavar="DIR", shown="nothing is kept", of_text=True, rounds=True, written=True, takes="str or path",
        ),
    ]  # fmt: skip

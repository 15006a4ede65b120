"""What an engine is: a stage, `load` and `run`. What it gets: a Task. What it may raise: failures.

`run` is synchronous and runs in a child process of its own; it may take hours, crash or hang
without harm to its supervisor. It returns a value of streams.transcript (or any msgspec Struct),
which becomes the stage's output artifact.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec

from engines.sdk import telling
from streams.events import Artifact, Heard, Option, Options
from streams.transcript import Prepared, Provenance, Segment, Transcript

O = TypeVar("O")  # noqa: E741 - an options type
D = TypeVar("D")


class EngineFailure(Exception):
    """The attempt cannot succeed; the message is for the one who submitted the job."""

    kind: ClassVar[str] = "error"


class InvalidInput(EngineFailure):
    """The audio or an option is at fault: the job fails at once with this message."""

    kind = "input"


class UnknownOption(EngineFailure):
    """A later version plans with an option that this one does not have: upgrade it, then retry."""


class ModelUnavailable(EngineFailure):
    """The model cannot be had here: the job fails at once; the message says how to get it."""

    kind = "unavailable"


class OutOfMemory(EngineFailure):
    """The model did not fit, even with the smallest batch."""

    kind = "memory"


class Task(msgspec.Struct, kw_only=True):
    """One attempt at one stage, with all its inputs as local files."""

    job: str
    stage: str
    token: int
    engine: str
    version: str
    workdir: Path
    base_uri: str
    """Where this attempt's objects go: s3://bucket/jobs/JOB/STAGE/TOKEN."""
    options: Options = {}
    filename: str = ""
    source: Path | None = None
    """The submitted file; only for a stage that needs no other."""
    documents: dict[str, bytes] = {}
    """The output of each stage that this one needs, as JSON, by stage."""
    tracks: tuple[Path, ...] = ()
    """The prepared tracks (WAV, PCM16, 16 kHz, mono), for an engine that `hears`."""
    files: list[tuple[str, str]] = []
    """What `keep` has collected: file name in workdir, media type."""
    report: Callable[[float], None] = msgspec.field(default=lambda _: None)
    tell: Callable[[int, tuple[Heard, ...]], None] = msgspec.field(
        default=lambda _first, _told: None
    )
    told: int = 0
    """How many segments `hear` has told."""

    def option(self, name: str, default: Option = None) -> Option:
        """One option as it was planned."""
        return self.options.get(name, default)

    def parsed(self, kind: type[O]) -> O:
        """All options as a typed value of the engine's own.

        Raises:
            UnknownOption: one is not known here; the stage is parked, for a newer engine knows it.
            InvalidInput: one has a wrong type; the message names it.
        """
        unknown = self.options.keys() - set(getattr(kind, "__struct_encode_fields__", self.options))
        if unknown:
            raise UnknownOption(
                f"{self.engine} {self.version} does not know the option "
                f"{', '.join(sorted(unknown))}: upgrade it, then `dalston parked retry`"
            )
        try:
            return msgspec.convert(self.options, kind)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"option not taken by {self.engine}: {error}") from None

    def document(self, stage: str, kind: type[D]) -> D:
        """The output of an earlier stage."""
        return msgspec.json.decode(self.documents[stage], type=kind)

    @property
    def prepared(self) -> Prepared:
        """What `prepare` found out about the audio."""
        return self.document("prepare", Prepared)

    @property
    def heard(self) -> Transcript:
        """The transcript so far: as aligned, or as transcribed where nothing was aligned.

        Raises:
            InvalidInput: the plan gave this stage neither.
        """
        for stage in ("align", "transcribe"):
            if stage in self.documents:
                return self.document(stage, Transcript)
        raise InvalidInput(f"{self.stage} needs the output of transcribe")

    def progress(self, fraction: float) -> None:
        """Say how far the work is, 0 to 1, often: silence for `stall_s` is taken for a hang."""
        self.report(float(fraction))  # a library's number may be numpy's, which no codec takes

    def hear(self, segments: Iterable[Segment]) -> None:
        """Show segments as soon as they are done, for whoever watches; the output says them again.

        In the order in which they are heard: with several tracks, those of one after the other's.
        """
        given = tuple(segments)
        self.tell(self.told, telling.heard(given))
        self.told += len(given)

    def keep(self, path: Path, media_type: str) -> Artifact:
        """Hand over a file in workdir as an object of this attempt; name it in the output."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.files.append((path.name, media_type))
        return Artifact(
            uri=f"{self.base_uri}/{path.name}",
            sha256=digest,
            bytes=path.stat().st_size,
            media_type=media_type,
        )

    def provenance(
        self,
        *,
        model: str | None = None,
        model_sha256: str | None = None,
        parameters: Options | None = None,
    ) -> Provenance:
        """The mark of this attempt for the output: who made it, how."""
        return Provenance(
            stage=self.stage,
            engine=self.engine,
            version=self.version,
            token=self.token,
            model=model,
            model_sha256=model_sha256,
            parameters=parameters or {},
        )


class Engine(ABC):
    """Subclass this in ``engines/NAME/engine.py``; the class is all that the runner needs."""

    name: ClassVar[str]
    stage: ClassVar[str]
    version: ClassVar[str]
    hears: ClassVar[bool] = True
    """Whether `run` wants the prepared tracks as files."""
    any_model: ClassVar[bool] = False
    """Whether names that are not in `models` may be tried too (a hub's, a path)."""
    needs_model: ClassVar[bool] = False
    """Whether it can do nothing without a model; then it is not planned for while it has none."""
    device: str = "cpu"
    """Where the model runs; an engine that finds a better place says so in `load`."""
    compute_type: str | None = None
    """Of the loaded model, such as int8 or float16, where there is a choice."""

    def models(self) -> tuple[str, ...]:
        """Names of the models that are here without a download; () for an engine without any.

        Called in the supervisor: cheap, without importing the model library.
        """
        return ()

    def default_model(self) -> str | None:
        """The model when the request names none."""
        models = self.models()
        return models[0] if models else None

    def languages(self) -> dict[str, tuple[str, ...]]:
        """Model → ISO 639-1 codes it takes, for those that do not take all."""
        return {}

    def gives(self) -> dict[str, tuple[str, ...]]:
        """Model → what its output holds besides its stage's own, so that other stages fall away.

        "words" (their times), "characters", "speakers", "language" (detected), "emotion",
        "punctuation". The key "" stands for every model that is not named. A transcriber that says
        nothing gives words; one that gives nothing says so: ``{"": ()}``.
        """
        return {}

    def load(self, model: str | None) -> None:  # noqa: B027 - many engines have nothing to load
        """Make the model ready, in the child; the library is imported here, not at the top.

        Raises:
            ModelUnavailable: it cannot be had.
        """

    def unload(self) -> None:  # noqa: B027 - ending the child releases all the same
        """Release the model."""

    @abstractmethod
    def run(self, task: Task) -> msgspec.Struct:
        """Do the work."""

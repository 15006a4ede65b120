"""What a user sees while jobs run, on stderr: a bar for each stage, or plain lines in a pipe."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.text import Text

from infra.facts import ended
from streams.job import TOKENS
from web.views import JobView, StageView

CROWD = 4
"""With more files than this, only jobs that have begun get their bars."""
WIDE = 100
"""Columns from which on there is room for the time that each stage has taken so far."""
OVER = frozenset({"completed", "skipped", "failed", "parked"})


class Display(Protocol):
    """Where the state of uploads and jobs is shown. Enter it, then tell it of changes."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def sent(self, name: str, done: int, total: int) -> None:
        """So many bytes of a file have gone out."""

    def show(self, view: JobView) -> None:
        """A job changed."""

    def aside(self) -> AbstractContextManager[None]:
        """Out of the way, while something else is printed."""


def on(console: Console, files: int) -> Display:
    """Bars on a terminal, lines elsewhere."""
    if console.is_terminal:
        return Bars(console, files)
    return Lines(lambda line: console.print(line, markup=False, soft_wrap=True))


class Lines:
    """One line for each thing that happens, for logs and pipes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told: dict[tuple[str, str], tuple[str, int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def sent(self, name: str, done: int, total: int) -> None:
        """Uploads are told when the job is there."""

    def show(self, view: JobView) -> None:
        """Say what is new: a stage's status, or another quarter of it."""
        for stage in view.stages:
            now = (stage.status, stage.token, int(stage.progress * 4))
            before = self._told.get((view.id, stage.name), ("pending", 0, 0))
            if now != before:
                self._told[view.id, stage.name] = now
                self._say(f"{view.filename}: {stage.name} {words(stage)}")
        if ended(view) and self._told.get((view.id, "")) is None:
            self._told[view.id, ""] = (view.status, 0, 0)
            self._say(f"{view.filename}: {summary(view)}")

    def aside(self) -> AbstractContextManager[None]:
        """Nothing is in the way."""
        return nullcontext()


class Bars:
    """A bar for each stage of each job that runs; a line for each that is over."""

    def __init__(self, console: Console, files: int) -> None:
        self._console = console
        self._crowded = files > CROWD
        several, wide = files > 1, console.width >= WIDE
        self._rows: dict[tuple[str, str], TaskID] = {}
        self._over: set[str] = set()
        self._progress = Progress(
            *([TextColumn("{task.fields[label]}", style="bold")] if several else []),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28 if wide else 16),
            TaskProgressColumn(),
            *([Elapsed()] if wide else []),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
            transient=True,  # what is over has its line; what runs is drawn again
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def sent(self, name: str, done: int, total: int) -> None:
        """A bar for the upload, which goes when all is out."""
        row = self._row(("", name), "upload", label=shorten(name), total=max(total, 1))
        self._progress.start_task(row)
        self._progress.update(row, completed=done)
        if done >= total:
            self._drop("", name)

    def show(self, view: JobView) -> None:
        """Move the job's bars; when it is over, put a line in their place."""
        if ended(view):
            if view.id not in self._over:
                self._over.add(view.id)
                self._drop_job(view)
                mark = "[green]✓[/]" if view.status == "succeeded" else "[red]✗[/]"
                self._console.print(mark, Text(f"{view.filename}: {summary(view)}"))
            return
        if not self._crowded or any(stage.token for stage in view.stages if stage.started_at):
            for number, stage in enumerate(view.stages):
                self._stage(view, stage, first=number == 0)

    def aside(self) -> AbstractContextManager[None]:
        """Take the bars off the screen for as long as it lasts."""
        return _Aside(self._progress)

    def _stage(self, view: JobView, stage: StageView, *, first: bool) -> None:
        label = shorten(view.filename) if first else ""
        row = self._row((view.id, stage.name), stage.name, label=label, total=1.0)
        if stage.started_at and stage.status == "running":
            self._progress.start_task(row)
        self._progress.update(row, completed=stage.progress, note=words(stage))
        if stage.status in OVER:
            self._progress.stop_task(row)

    def _row(self, key: tuple[str, str], what: str, *, label: str, total: float) -> TaskID:
        if key not in self._rows:
            self._rows[key] = self._progress.add_task(
                what, start=False, total=total, label=label, note=""
            )
        return self._rows[key]

    def _drop(self, job: str, name: str) -> None:
        row = self._rows.pop((job, name), None)
        if row is not None:
            self._progress.remove_task(row)

    def _drop_job(self, view: JobView) -> None:
        for stage in view.stages:
            self._drop(view.id, stage.name)


class _Aside:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> None:
        self._progress.stop()

    def __exit__(self, *_: object) -> None:
        self._progress.start()


def words(stage: StageView) -> str:
    """The state of a stage in a few words."""
    match stage.status:
        case "running" if stage.progress > 0:
            return f"{stage.progress:.0%} ({stage.engine})"
        case "running":
            return f"started ({stage.engine})"
        case "ready":
            attempt = stage.token % TOKENS
            again = f", attempt {attempt}" if attempt > 1 else ""
            return f"waits for {stage.engine}{again}"
        case "completed":
            took = f" in {stage.wall_s:.1f} s" if stage.wall_s is not None else ""
            return f"completed{took} ({', '.join(filter(None, (stage.engine, stage.model)))})"
        case status:
            return f"{status}: {stage.reason}" if stage.reason else status


def summary(view: JobView) -> str:
    """How a job ended."""
    took = ""
    if view.ended_at:
        took = f" after {(view.ended_at - view.submitted_at).total_seconds():.1f} s"
    if view.status == "succeeded":
        return f"done{took}" + "".join(f"; {warning}" for warning in view.warnings)
    return f"{view.status}{took}: {why(view)}"


def why(view: JobView) -> str:
    """Why a job did not succeed."""
    if view.status == "blocked":
        parked = [stage for stage in view.stages if stage.status == "parked"]
        reasons = "; ".join(f"{stage.name}: {stage.reason}" for stage in parked)
        return f"{reasons} (then: dalston parked retry {view.id})"
    return view.reason or "no reason was given"


def shorten(name: str, width: int = 18) -> str:
    """A name that fits its column."""
    return name if len(name) <= width else f"{name[: width // 2 - 1]}…{name[-width // 2 :]}"

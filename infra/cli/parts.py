"""How a stack comes up, on stderr: a bar for each environment that is built, a word a part."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from infra.cli.display import shorten
from infra.local.steps import Step

ENVIRONMENT = "environment:"
TAKEN = 56
"""Columns before the note: "environment of faster_whisper", a bar of 16, the time."""
PARTS = 8
"""Of the smallest whole stack; so the bar does not jump back when the next ones begin."""


def on(console: Console) -> "Bars | Lines":
    """Bars on a terminal, lines elsewhere."""
    return Bars(console) if console.is_terminal else Lines(console)


class Lines:
    """A line for each thing that happens, but one only while an environment is built."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._building: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def finish(self) -> None:
        """All is up."""

    def __call__(self, step: Step) -> None:
        """Tell a step."""
        if step.state == "building":
            if step.name in self._building:
                return
            self._building.add(step.name)
        detail = f": {step.detail}" if step.detail and step.state != "building" else ""
        line = f"{named(step)} {step.state}{detail}"
        self._console.print(line, markup=False, soft_wrap=True)


class Bars:
    """Environments as bars, servers and processes as one line that fills up."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._room = max(console.width - TAKEN, 8)
        self._rows: dict[str, TaskID] = {}
        self._states: dict[str, str] = {}
        self._progress = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=16),
            Elapsed(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live = False

    def __enter__(self) -> Self:
        self._progress.start()
        self._live = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish()

    def finish(self) -> None:
        """All is up: take the bars off the screen; what comes later is a line."""
        self._progress.stop()
        self._live = False

    def __call__(self, step: Step) -> None:
        """Show a step; one that comes when the bars are gone is a line."""
        if not self._live:
            Lines(self._console)(step)
        elif step.name.startswith(ENVIRONMENT):
            self._environment(step)
        else:
            self._part(step)
            if step.state == "died":
                Lines(self._console)(step)

    def _environment(self, step: Step) -> None:
        if step.name not in self._rows:
            self._rows[step.name] = self._progress.add_task(named(step), total=1.0, note="")
        row = self._rows[step.name]
        if step.state == "built":
            self._progress.remove_task(row)
            Lines(self._console)(step)
        else:
            note = shorten(step.detail, self._room)
            self._progress.update(row, completed=step.fraction, note=note)

    def _part(self, step: Step) -> None:
        self._states[step.name] = step.state
        ready = [name for name, state in self._states.items() if state == "ready"]
        late = ", ".join(name for name in self._states if name not in ready)
        if "" not in self._rows:
            self._rows[""] = self._progress.add_task("stack", total=None, note="")
        self._progress.update(
            self._rows[""],
            completed=len(ready),
            total=max(len(self._states), PARTS),
            note=shorten(f"starting {late}", self._room),
        )


def named(step: Step) -> str:
    """The part of a step, for people."""
    if step.name.startswith(ENVIRONMENT):
        return f"environment of {step.name.removeprefix(ENVIRONMENT)}"
    return step.name

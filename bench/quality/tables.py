"""What was heard → tables, ours beside the bare library, and whether the rule holds."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from bench.quality import measures
from bench.quality.ours import Heard
from bench.report import Row

POINTS = 0.005
"""Rounding of a rate: half a point, which is a word in 200."""
SECONDS = 0.02
"""Rounding of times: 20 ms, the grid of Whisper's own, and two frames of PocketSphinx's."""


def rate(what: str, ours: float, bare: float) -> Row:
    """A rate of errors, held against the rule."""
    ok = measures.holds(ours, bare, POINTS)
    return Row(what, f"{100 * ours:.2f} %", f"bare {100 * bare:.2f} %", ok)


def texts(found: dict[str, Any], kinds: Sequence[str], engines: Sequence[str]) -> list[Row]:
    """Word error rates, by engine and kind of audio."""
    rows = []
    for engine in engines:
        for kind in kinds:
            ours, bare = found[f"{engine}|{kind}|ours"], found[f"{engine}|{kind}|bare"]
            what = f"{engine}, {kind} ({ours['words']} words)"
            rows.append(rate(what, ours["rate"], bare["rate"]))
    return rows


def times(what: str, ours: dict[int, float], bare: dict[int, float], known: int) -> list[Row]:
    """Errors of the words' starts, over the words that both have."""
    mine, theirs = measures.both(ours, bare)
    rows = [
        Row(
            f"{what}, words found",
            f"{len(ours)} of {known}",
            f"bare {len(bare)} of {known}",
        )
    ]
    if not mine:
        return rows
    for name, of in (("mean", measures.mean), ("p95", measures.p95)):
        one, other = of(mine), of(theirs)
        ok = measures.holds(one, other, SECONDS)
        value = f"{1000 * one:.0f} ms"
        rows.append(Row(f"… {name} over {len(mine)}", value, f"bare {1000 * other:.0f} ms", ok))
    return rows


def turns(found: dict[str, Any], kinds: Iterable[str]) -> list[Row]:
    """Diarization error rates, by kind of audio."""
    rows = []
    for kind in kinds:
        ours, bare = found[f"{kind}|ours"], found[f"{kind}|bare"]
        rows.append(rate(f"{kind}, no collar", ours["plain"], bare["plain"]))
        rows.append(rate("… with a collar of 0.25 s", ours["collar"], bare["collar"]))
    return rows


def stages(heard: Iterable[Heard], bare: dict[str, float]) -> list[Row]:
    """Real-time factor and peak memory of each stage; no rule: they are the machine's, too.

    Args:
        bare: stage → real-time factor of the library alone.
    """
    spent: dict[str, list[tuple[float, float, int]]] = {}
    for one in heard:
        for stage in one.stages:
            use = (stage.audio_s, stage.wall_s, stage.peak_rss or 0)
            spent.setdefault(stage.engine, []).append(use)
    rows = []
    for name, uses in spent.items():
        audio, wall = (math.fsum(use[n] for use in uses) for n in (0, 1))
        most = max(use[2] for use in uses) / 1e6
        theirs = f"bare {bare[name]:.3f}" if name in bare else ""
        value = f"{wall / audio:.3f}, {most:.0f} MB"
        rows.append(Row(f"{name}, {len(uses)} times", value, theirs))
    return rows

"""Which voices of the windows of a long track are the same person. Pure, needs numpy."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]

ALIKE = 0.25
"""Cosine distance up to which the voices of two windows are taken for one person's.

By CAM++ the nearest of seven real speakers were 0.24 apart, the next pair 0.34."""
INSTANT_S = 1e-3


class Voice(NamedTuple):
    """A speaker as heard in one window: the mean of its embeddings, and how long it spoke."""

    window: int
    seconds: float
    centroid: Vector


def people(
    voices: Sequence[Voice], *, alike: float = ALIKE, fewest: int = 1, most: int | None = None
) -> list[int]:
    """For each voice the number of the person whose it is, from 0 in order of appearance.

    The two most alike become one, again and again, weighted by how long they spoke, while they are
    near enough. Voices that were told apart within a window stay apart, unless ``most`` leaves no
    other way. ``fewest`` ends the joining early, ``most`` goes on with it beyond what is alike.
    """
    if not voices:
        return []
    owners = np.arange(len(voices))
    sums = np.array([_weighted(voice) for voice in voices])
    distance = np.array([_from(one, sums) for one in sums])
    np.fill_diagonal(distance, np.inf)
    apart = np.equal.outer(*[[voice.window for voice in voices]] * 2)
    for count in range(len(voices), max(fewest, 1), -1):
        too_many = most is not None and count > most
        free = np.where(apart, np.inf, distance)
        if too_many and np.isinf(free).all():
            free = distance
        kept, gone = np.unravel_index(np.argmin(free), free.shape)
        if free[kept, gone] > alike and not too_many:
            break
        owners[owners == gone] = kept
        sums[kept] += sums[gone]
        apart[kept] |= apart[gone]
        apart[:, kept] |= apart[:, gone]
        blank = np.isinf(distance[kept])  # itself, and those that have gone
        distance[kept] = distance[:, kept] = np.where(blank, np.inf, _from(sums[kept], sums))
        distance[gone] = distance[:, gone] = np.inf
    _, order = np.unique(owners, return_index=True)
    place = {owners[voice]: rank for rank, voice in enumerate(sorted(order))}
    return [place[owner] for owner in owners]


def centroids(voices: Sequence[Voice], owners: Sequence[int]) -> list[Vector]:
    """The voice of each person, by number."""
    return [
        np.sum([_weighted(v) for v, o in zip(voices, owners, strict=True) if o == owner], axis=0)
        for owner in sorted(set(owners))
    ]


def nearest(centroids: Sequence[Vector]) -> float:
    """The cosine distance of the two most alike; infinity for fewer than two."""
    matrix = np.array(centroids)
    return min(
        (float(_from(one, matrix[:number]).min()) for number, one in enumerate(matrix) if number),
        default=float("inf"),
    )


def _weighted(voice: Voice) -> Vector:
    """Its direction, as long as it spoke; without an embedding nothing, which is like nobody."""
    length = float(np.linalg.norm(voice.centroid))
    weight = max(voice.seconds, INSTANT_S)
    return np.asarray(voice.centroid * (weight / length if length else 0.0))


def _from(one: Vector, others: Matrix) -> Vector:
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    likeness = np.divide(others @ one, lengths, out=np.full(len(others), -1.0), where=lengths > 0)
    return np.asarray(1.0 - likeness)

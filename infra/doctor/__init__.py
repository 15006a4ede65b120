"""Looks at every part of a stack and says what is wrong with it and what to do."""

from infra.doctor.finding import Finding
from infra.doctor.rounds import examine, examine_remote

__all__ = ["Finding", "examine", "examine_remote"]

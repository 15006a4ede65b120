"""Clocks: leases and due times go by Redis's, so the others should not differ much."""

from datetime import UTC, datetime

from infra.doctor.finding import Finding, fail, ok, warn

NOTICED_S, WRONG_S = 1.0, 10.0


def compare(part: str, theirs: datetime) -> Finding:
    """A server's clock against ours."""
    late = (theirs - datetime.now(UTC)).total_seconds()
    detail = f"{abs(late):.3f} s {'ahead of' if late > 0 else 'behind'} ours"
    cure = "run a time service (chrony, systemd-timesyncd) on both machines"
    if abs(late) > WRONG_S:
        return fail(part, detail, cure)
    return warn(part, detail, cure) if abs(late) > NOTICED_S else ok(part, detail)

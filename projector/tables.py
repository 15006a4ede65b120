"""Every table: the archive, what is folded from it, and what is neither.

`data` and `state` are text, not jsonb: the archive keeps an event's bytes as they were on the log
(jsonb would reorder them and refuse \\u0000), and nothing is parsed twice. Analytics casts.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

metadata = MetaData()
Time = DateTime(timezone=True)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("time", Time, nullable=False),
    Column("job", Text, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("meta", Text, nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("id", name="events_id"),
    Index("events_job", "job", "seq"),
    Index("events_time", "time", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
)
"""The archive: the log for ever. No foreign key points here, so it can be partitioned by seq."""

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("moved_at", Time, nullable=False, server_default=text("now()")),
    Column("schema", Integer, nullable=False, server_default=text("1")),
)
"""How far each consumer of the log has come: the fold, the text index, the eraser, the
carrier of corrections.

``schema`` is streams.job.SCHEMA of the newest version that came here: older ones stand by.
"""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("filename", Text, nullable=False),
    Column("submitted_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("deadline", Time),
    Column("audio_s", Double),
    Column("erased", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Index("jobs_tenant", "tenant", "id"),
    Index("jobs_status", "tenant", "status", "id"),
    Index("jobs_submitted", "tenant", "submitted_at"),
    Index(
        "jobs_deadline",
        "deadline",
        postgresql_where=text("deadline IS NOT NULL AND ended_at IS NULL"),
    ),
    Index("jobs_live", "id", postgresql_where=text("ended_at IS NULL")),
    Index("jobs_erased", "id", postgresql_where=text("erased")),
    postgresql_with={"fillfactor": "80"},
)
"""The fold of each job; `state` is streams.job.Job, the columns are what is asked for by SQL."""

stages = Table(
    "stages",
    metadata,
    Column("job", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("token", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("model", Text),
    Column("ready_at", Time),
    Column("started_at", Time),
    Column("ended_at", Time),
    Column("due_at", Time),
    Column("wall_s", Double, nullable=False),
    Column("audio_s", Double),
    Column("peak_rss", BigInteger),
    Column("failed", Integer, nullable=False),
    Column("lost", Integer, nullable=False),
    Column("preempted", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Index("stages_due", "due_at", postgresql_where=text("status = 'retrying'")),
    Index("stages_active", "engine", postgresql_where=text("status IN ('ready', 'running')")),
    Index("stages_parked", "tenant", "job", "stage", postgresql_where=text("status = 'parked'")),
    postgresql_with={"fillfactor": "80"},
)
"""One row for each stage of each job: for timers and for analytics."""

unknown_events = Table(
    "unknown_events",
    metadata,
    Column("type", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
)
"""Events that this version could not fold, by type: skipped, counted, kept in the archive."""

PROJECTIONS = (jobs, stages, unknown_events)
"""What `rebuild` makes anew from the archive."""

segments = Table(
    "segments",
    metadata,
    Column("job", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("start", Double, nullable=False),
    Column("end", Double, nullable=False),
    Column("speaker", Text),
    Column("text", Text, nullable=False),
    Column(
        "words", TSVECTOR, Computed("to_tsvector('simple', text)", persisted=True), nullable=False
    ),
    Index("segments_words", "words", postgresql_using="gin"),
)
"""The text index. `simple` stems nothing: transcripts come in a hundred languages."""

submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("fingerprint", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("again_from", Text),
    Column("accepted_at", Time, nullable=False),
    Column("landed", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("tenant", "idempotency_key", name="submissions_key"),
    Index("submissions_waiting", "accepted_at", postgresql_where=text("NOT landed")),
)
"""What was accepted, before its event: a row whose event is missing is submitted again."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("prefix", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", Time, nullable=False, server_default=text("now()")),
    Column("expires_at", Time),
    Column("last_used_at", Time),
    Column("revoked_at", Time),
    UniqueConstraint("prefix", name="api_keys_prefix"),
)
"""Who may ask: of a key only the sha256 of its secret is kept, and the part of it that is shown."""

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("sessions_key", "key"),
)
"""Browsers that are signed in with a key: the sha256 of what their cookie holds."""

tickets = Table(
    "tickets",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("expires_at", Time, nullable=False),
)
"""Each opens one socket, within seconds: using it deletes its row."""

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the server alone knows: what signs share links; and that a first key was made."""

shares = Table(
    "shares",
    metadata,
    Column("job", Text, primary_key=True),
    Column("void_at", Time, nullable=False),
)
"""When all links to a job were last taken back; a link itself is signed, and nowhere kept."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("multipart", Text, nullable=False),
    Column("turn", Integer, nullable=False, server_default=text("0")),
    Column("number", Integer, nullable=False, server_default=text("0")),
    Column("stored", BigInteger, nullable=False, server_default=text("0")),
    Column("numbers", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    Column("etags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("moved_at", Time, nullable=False, server_default=text("now()")),
)
"""Uploads under way, until a job takes them: ``numbers`` and ``etags`` are the parts that count."""

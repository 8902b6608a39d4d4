"""All tables, with the constraints that keep the data consistent after a crash or a race.

IDs are UUID strings that Carmic generates. Minutes are stored as milliseconds of processing time. Times are UTC.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)

from resources.database.engine import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite auto-increments only INTEGER primary keys
Serial = BigInteger().with_variant(Integer, "sqlite")


def _primary_key() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _created_at() -> Column[datetime]:
    return Column("created_at", UtcDateTime, nullable=False)


def _foreign_key(table: str, name: str, nullable: bool = False, index: bool = False) -> Column[str]:
    return Column(name, String(36), ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=nullable, index=index)


# --- accounts ---------------------------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    _primary_key(),
    Column("email", String(320), nullable=False, unique=True),  # see `normalize_email`
    Column("email_verified_at", UtcDateTime),  # when a link that was sent to the address was opened
    Column("password_hash", Text, nullable=False),
    Column("first_name", Text, nullable=False, default=""),
    Column("last_name", Text, nullable=False, default=""),
    Column("avatar_url", Text),
    _created_at(),
)

workspaces = Table(
    "workspaces",
    metadata,
    _primary_key(),
    Column("name", Text, nullable=False),
    Column("tier", String(16), nullable=False, default="FREE"),
    Column("webhook_url", Text),  # the one webhook of the generation API
    Column("deleted_at", UtcDateTime),  # the purge sensor erases the row, with all rows and objects of the workspace
    _created_at(),
)

members = Table(
    "members",
    metadata,
    Column("workspace_id", String(36), ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", String(8), nullable=False),  # OWNER, EDITOR
    _created_at(),
)

invitations = Table(
    "invitations",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id"),
    Column("email", String(320), nullable=False, index=True),
    Column("role", String(8), nullable=False),
    _foreign_key("users", "invited_by", nullable=True),
    Column("token_hash", String(64), unique=True, index=True),  # null once it is accepted
    Column("expires_at", UtcDateTime),
    Column("accepted_at", UtcDateTime),
    _created_at(),
    UniqueConstraint("workspace_id", "email"),
)

sessions = Table(
    "sessions",
    metadata,
    _primary_key(),
    _foreign_key("users", "user_id", index=True),
    Column("user_agent", Text, nullable=False, default=""),
    Column("ip_address", String(64), nullable=False, default=""),
    Column("last_used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),  # refreshing does not extend it
    Column("revoked_at", UtcDateTime),
    _created_at(),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _foreign_key("sessions", "session_id", index=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("spent_at", UtcDateTime),
    Column("reissued_at", UtcDateTime),  # time of the second use of the token, within the grace period
    _created_at(),
)

password_resets = Table(
    "password_resets",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _foreign_key("users", "user_id", index=True),
    Column("expires_at", UtcDateTime, nullable=False),
    _created_at(),
)

email_verifications = Table(
    "email_verifications",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _foreign_key("users", "user_id", index=True),
    Column("email", String(320), nullable=False),  # the user's address, or the future one
    Column("expires_at", UtcDateTime, nullable=False),
    _created_at(),
)

sse_tickets = Table(
    "sse_tickets",
    metadata,
    Column("ticket_hash", String(64), primary_key=True),
    Column("user_id", String(36)),
    _foreign_key("workspaces", "workspace_id"),
    Column("expires_at", UtcDateTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id", index=True),
    _foreign_key("users", "created_by", nullable=True),
    Column("name", Text, nullable=False),
    Column("prefix", String(24), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    _created_at(),
)

mail = Table(
    "mail",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("recipient", String(320), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", Text),
    Column("sent_at", UtcDateTime),
    _created_at(),
)

# --- ledger -----------------------------------------------------------------------------------------------------------

ledger = Table(
    "ledger",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    _foreign_key("workspaces", "workspace_id", index=True),
    # Deterministic ("reserve:<project>", "refund:<render>", "grant:2026-11:<workspace>"), so no entry is posted twice
    Column("entry_key", String(160), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # grant, topup, reserve, settle, render, variant, refund
    Column("amount_ms", BigInteger, nullable=False),  # positive amounts add to the balance
    Column("project_id", String(36)),
    Column("clip_id", String(36)),
    Column("note", Text, nullable=False, default=""),
    _created_at(),
)

# Credits of the generation service: a unit of their own, booked as minutes are
credits = Table(
    "credits",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    _foreign_key("workspaces", "workspace_id", index=True),
    # Deterministic ("job:<job>", "refund:<job>", "grant:2026-11:<workspace>"), so no entry is posted twice
    Column("entry_key", String(160), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # grant, charge, refund
    Column("amount", BigInteger, nullable=False),  # positive amounts add to the balance
    Column("note", Text, nullable=False, default=""),
    _created_at(),
)

# --- videos -----------------------------------------------------------------------------------------------------------

projects = Table(
    "projects",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id"),
    Column("created_by", String(36)),
    Column("title", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("search_text", Text, nullable=False, server_default=""),  # see `build_search_text` in resources/projects.py
    Column("filesize", BigInteger, nullable=False, default=0),
    Column("content_type", String(64), nullable=False),
    Column("source_url", Text),  # for create-from-url
    Column("object_key", Text, nullable=False),
    Column("declared_duration_s", Float),
    Column("duration_s", Float),  # probed
    Column("language", String(8)),
    Column("language_mode", String(8), nullable=False, default="single"),
    Column("audio_track", String(8), nullable=False, default="auto", server_default="auto"),
    Column("video_type", String(16), nullable=False, default="auto"),
    Column("enable_multimodal", Boolean, nullable=False, default=False, server_default=false()),
    Column("custom_instructions", Text),
    Column("trim_start_s", Float),
    Column("trim_end_s", Float),
    Column("template_id", String(80)),  # of clips that were never edited; built-in or of the workspace
    Column("clip_bounds", JSON),  # {max_clips, min_s, max_s, threshold}; only the ones that the client has set
    Column("generation_id", String(36), index=True),  # the generation job whose credits pay for the project
    Column("status", String(24), nullable=False),
    Column("progress", Integer, nullable=False, default=0),
    Column("current_step", Text, nullable=False, default=""),
    Column("error_message", Text),
    Column("thumbnail_key", Text),
    Column("proxy_key", Text),
    Column("visual_pipeline_ready", Boolean, nullable=False, default=False, server_default=false()),
    Column("clips_ready_at", UtcDateTime),
    Column("run_id", String(36), index=True),  # the ingest run, which sets the status
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("purged_at", UtcDateTime),
    _created_at(),
    # Covers the page selection and the count of a listing or a search.
    Index("ix_projects_listing", "workspace_id", "deleted_at", "created_at", "id", "status", "search_text"),
    Index("ix_projects_status", "status"),
)

clips = Table(
    "clips",
    metadata,
    _primary_key(),
    _foreign_key("projects", "project_id", index=True),
    Column("workspace_id", String(36), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("virality_score", Integer, nullable=False),
    Column("score_breakdown", JSON, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("hashtags", JSON, nullable=False),
    Column("broll_suggestions", JSON, nullable=False),
    Column("status", String(16), nullable=False, default="DETECTED"),
    Column("template_config", JSON),  # the client's document, with unknown fields; null until the first edit
    Column("version", Integer, nullable=False, default=1),  # incremented by each change of a client; the ETag
    Column("edited", Boolean, nullable=False, default=False, server_default=false()),
    Column("render_id", String(36)),  # the newest render
    Column("video_key", Text),  # the newest finished render
    Column("thumbnail_key", Text),
    Column("error_message", Text),
    Column("retired_at", UtcDateTime),  # set when a re-scoring no longer selects the clip
    Column("deleted_at", UtcDateTime),  # set when a client has deleted it; a re-scoring does not bring it back
    Column("updated_at", UtcDateTime, nullable=False),
    _created_at(),
    CheckConstraint("end_s > start_s", name="positive_length"),
)

renders = Table(
    "renders",
    metadata,
    _primary_key(),  # the API's render_job_id
    _foreign_key("clips", "clip_id", index=True),
    Column("project_id", String(36), nullable=False, index=True),
    Column("workspace_id", String(36), nullable=False),
    Column("run_id", String(36), nullable=False, index=True),
    Column("status", String(16), nullable=False),  # QUEUED, RENDERING, RENDERED, FAILED_RENDER
    Column("progress", Integer, nullable=False, default=0),
    Column("start_s", Float, nullable=False),  # bounds and config at the time of queueing
    Column("end_s", Float, nullable=False),
    Column("title", Text, nullable=False),
    Column("template_config", JSON),
    Column("object_key", Text),
    Column("facts", JSON),  # size, duration, loudness and crop metrics of the rendered file
    Column("error_message", Text),
    Column("finished_at", UtcDateTime),
    _created_at(),
)
# A clip has at most one active render.
Index(
    "uq_renders_live",
    renders.c.clip_id,
    unique=True,
    sqlite_where=renders.c.status.in_(("QUEUED", "RENDERING")),
    postgresql_where=renders.c.status.in_(("QUEUED", "RENDERING")),
)

exports = Table(
    "exports",
    metadata,
    _primary_key(),
    _foreign_key("clips", "clip_id", index=True),
    Column("project_id", String(36), nullable=False, index=True),
    Column("workspace_id", String(36), nullable=False),
    Column("run_id", String(36), nullable=False, index=True),
    Column("target_format", String(16), nullable=False),
    Column("include_proxy", Boolean, nullable=False, default=False, server_default=false()),
    Column("content_digest", String(64), nullable=False),  # digest of all inputs of the package
    Column("status", String(16), nullable=False),  # PENDING, PROCESSING, COMPLETED, FAILED
    Column("progress", Integer, nullable=False, default=0),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("title", Text, nullable=False),
    Column("template_config", JSON),
    Column("object_key", Text),
    Column("file_size", BigInteger),
    Column("error_message", Text),
    Column("finished_at", UtcDateTime),
    _created_at(),
)
# The same request returns the same export unless it failed.
Index(
    "uq_exports_content",
    exports.c.clip_id,
    exports.c.target_format,
    exports.c.include_proxy,
    exports.c.content_digest,
    unique=True,
    sqlite_where=exports.c.status != "FAILED",
    postgresql_where=exports.c.status != "FAILED",
)

# --- timelines --------------------------------------------------------------------------------------------------------

# The timeline editor's API calls a timeline a project, and the id of one is its `project_id`.
timelines = Table(
    "timelines",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id"),
    Column("created_by", String(36)),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("video_url", Text),
    Column("canvas", JSON),  # {width, height, rate: {num, den}}; null until the first asset is probed
    Column("revision", Integer, nullable=False, default=0),  # incremented by each change; the ETag
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("purged_at", UtcDateTime),
    _created_at(),
    Index("ix_timelines_listing", "workspace_id", "deleted_at", "created_at"),
)

timeline_assets = Table(
    "timeline_assets",
    metadata,
    _primary_key(),
    _foreign_key("timelines", "timeline_id", index=True),
    Column("workspace_id", String(36), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("content_type", String(64), nullable=False),
    # {kind: upload}, {kind: url, url}, {kind: clips, object_key, spans_s}, {kind: generated, variant_id, first_frame}
    Column("origin", JSON, nullable=False),
    Column("object_key", Text, nullable=False, unique=True),
    Column("proxy_key", Text),
    Column("status", String(16), nullable=False),  # awaiting_upload, downloading, ready, failed
    Column("facts", JSON),  # the probe's facts of the source
    Column("proxy_facts", JSON),
    Column("error_message", Text),
    _created_at(),
)

segments = Table(
    "segments",
    metadata,
    _primary_key(),
    _foreign_key("timelines", "timeline_id", index=True),
    _foreign_key("timeline_assets", "asset_id", nullable=True),  # null: a gap
    Column("rate", JSON, nullable=False),  # {num, den} of the frame grid that the frame numbers count on
    Column("in_frame", BigInteger, nullable=False),
    Column("out_frame", BigInteger, nullable=False),
    Column("bound_in", BigInteger, nullable=False),
    Column("bound_out", BigInteger, nullable=False),
    Column("order_index", Integer, nullable=False),
    Column("source", String(16), nullable=False),  # original, generated, gap
    Column("effects", JSON, nullable=False),
    Column("variant_id", String(36)),
    Column("active", Boolean, nullable=False),
    Column("replaced_by", JSON, nullable=False),
    CheckConstraint("out_frame > in_frame", name="positive_length"),
)

timeline_revisions = Table(
    "timeline_revisions",
    metadata,
    Column("timeline_id", String(36), ForeignKey("timelines.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("op", String(24), nullable=False),
    Column("actor", String(36)),  # the user; null for the pipeline
    Column("content", JSON, nullable=False),  # [[segment id, in_frame, out_frame]] of the active segments in order
    Column("undo_to", Integer),
    Column("redo_to", Integer),
    _created_at(),
)

timeline_jobs = Table(
    "timeline_jobs",
    metadata,
    _primary_key(),
    _foreign_key("timelines", "timeline_id", index=True),
    Column("workspace_id", String(36), nullable=False),
    Column("run_id", String(36), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # ingest, grade, export, generate
    Column("status", String(16), nullable=False),  # pending, running, completed, failed
    Column("progress", Integer, nullable=False, default=0),
    Column("revision", Integer, nullable=False),  # of the timeline at the time of the request
    Column("request", JSON, nullable=False),  # all inputs of the job
    Column("object_key", Text),
    Column("facts", JSON),  # properties of the result
    Column("error_message", Text),
    Column("finished_at", UtcDateTime),
    _created_at(),
    Index("ix_timeline_jobs_listing", "workspace_id", "created_at"),
)

# The results of a job of the kind `generate`. The files are in the store before the row.
timeline_variants = Table(
    "timeline_variants",
    metadata,
    _primary_key(),
    _foreign_key("timeline_jobs", "job_id"),
    _foreign_key("timelines", "timeline_id", index=True),
    Column("workspace_id", String(36), nullable=False),
    Column("number", Integer, nullable=False),  # of the method or strength, from 0
    Column("label", Text, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("preview_key", Text, nullable=False),
    Column("comparison_key", Text, nullable=False),  # frames before and after, for operators
    Column("facts", JSON, nullable=False),  # the probe's facts of the file
    Column("frames", Integer, nullable=False),
    Column("score", JSON, nullable=False),
    Column("overall_score", Float, nullable=False),
    Column("notes", JSON, nullable=False),
    Column("accepted_at", UtcDateTime),
    _created_at(),
    UniqueConstraint("job_id", "number"),
)

# The request of a job to a hosted model. The row is inserted before the request is sent, so that none is sent twice.
hosted_edits = Table(
    "hosted_edits",
    metadata,
    _primary_key(),  # of the variant that the result becomes
    Column("job_id", String(36), ForeignKey("timeline_jobs.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("service", String(16), nullable=False),  # fal, runway
    Column("model", Text, nullable=False),
    Column("state", String(12), nullable=False),  # QUEUED, SENDING, RUNNING, COMPLETED, FAILED
    Column("request_id", Text),  # of the service
    Column("status_url", Text),
    Column("response_url", Text),
    Column("updated_at", UtcDateTime, nullable=False),
    _created_at(),
)

# --- generation -------------------------------------------------------------------------------------------------------

generation_jobs = Table(
    "generation_jobs",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id"),
    Column("created_by", String(36)),
    Column("run_id", String(36), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # image, video, voice, ...
    Column("status", String(16), nullable=False),  # queued, processing, completed, failed
    Column("progress", Integer, nullable=False, default=0),
    Column("engine", String(24), nullable=False),
    Column("model", String(100)),
    Column("request", JSON, nullable=False),  # the validated body
    Column("inputs", JSON, nullable=False),  # {field: [{url} or {object_key}]}
    Column("price", BigInteger, nullable=False),  # in credits
    Column("refunded", BigInteger, nullable=False, default=0),
    Column("provider_started_at", UtcDateTime),  # the first request to a provider may have been sent
    Column("outputs", JSON, nullable=False),  # [{object_key, type}]
    Column("facts", JSON, nullable=False),  # the metadata of the result
    Column("error_code", String(24)),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("expired_at", UtcDateTime),  # when its files were deleted
    _created_at(),
    Index("ix_generation_jobs_listing", "workspace_id", "created_at", "id"),
    Index("ix_generation_jobs_expiry", "status", "finished_at"),
)

# A row is written before the request is sent: a resumed job never sends it twice
provider_requests = Table(
    "provider_requests",
    metadata,
    _primary_key(),
    Column("job_id", String(36), ForeignKey("generation_jobs.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("provider", String(24), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("state", String(12), nullable=False),  # PREPARED, SENT, DONE, FAILED, ORPHANED
    Column("ticket", JSON),  # the provider's answer to the submission
    Column("updated_at", UtcDateTime, nullable=False),
    _created_at(),
)

# --- runs and events --------------------------------------------------------------------------------------------------

# A run intent is written in the transaction that needs the run. If the process crashes before it submits the run to
# Dagster, the reconciling sensor does. Carmic chooses the run ID, so that submitting twice creates one run.
run_intents = Table(
    "run_intents",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("job_name", String(64), nullable=False),
    Column("project_id", String(36), nullable=False, index=True),  # the partition: a project, or a timeline
    Column("workspace_id", String(36), nullable=False),
    Column("subject_id", String(36), nullable=False),  # project, render, export or timeline job
    Column("tier", String(16), nullable=False),
    Column("run_config", JSON, nullable=False),
    Column("state", String(12), nullable=False),  # WAITING, SUBMITTED, CANCELLED, DONE
    Column("attempts", Integer, nullable=False, default=0),  # sum of the losses since the last finished asset
    Column("resumes", String(36)),  # the crashed run that this one resumes
    Column("heartbeat_at", UtcDateTime),  # written by the running run
    Column("lane", String(16)),  # null: the lane of the job
    Column("checked_at", UtcDateTime),  # when the reconciliation last looked at a run that has not started
    Column("updated_at", UtcDateTime, nullable=False),
    _created_at(),
    Index("ix_run_intents_state", "state", "updated_at"),
)

events = Table(
    "events",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    _foreign_key("workspaces", "workspace_id"),
    Column("subject", String(80), nullable=False, index=True),  # "project:<id>", "export:<id>", "clip:<id>", ...
    Column("event", String(40), nullable=False),  # "project.status", "clip.rendered", ... or "project.progress"
    Column("event_key", String(160), unique=True),  # deterministic where the same event could be recorded twice
    Column("data", JSON, nullable=False),
    Column("dispatched", Boolean, nullable=False, default=False, server_default=false()),
    _created_at(),
    Index("ix_events_dispatch", "dispatched", "id"),
    Index("ix_events_age", "created_at"),
    sqlite_autoincrement=True,  # IDs are never reused, because clients resume by ID
)

webhooks = Table(
    "webhooks",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id", index=True),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("enabled", Boolean, nullable=False, default=True, server_default=true()),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_secret_until", UtcDateTime),
    Column("failing_since", UtcDateTime),
    Column("disabled_reason", Text),
    Column("timeouts", Integer, nullable=False, default=0, server_default="0"),  # since the last response
    Column("paused_until", UtcDateTime),
    Column("project_id", String(36), index=True),  # of a webhook for one project only
    Column("updated_at", UtcDateTime, nullable=False),
    _created_at(),
)

deliveries = Table(
    "deliveries",
    metadata,
    _primary_key(),  # the webhook-id header
    _foreign_key("webhooks", "webhook_id"),
    Column("workspace_id", String(36), nullable=False),
    Column("event_id", BigInteger),  # null for a test delivery
    Column("event", String(40), nullable=False),
    Column("body", Text, nullable=False),  # the signed body; a retry sends the same bytes
    Column("state", String(12), nullable=False),  # DUE, DELIVERED, FAILED
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("leased_until", UtcDateTime),
    Column("log", JSON, nullable=False),  # [{at, status, error, request_headers, response_headers, response_head, ms}]
    Column("delivered_at", UtcDateTime),
    _created_at(),
    UniqueConstraint("webhook_id", "event_id"),
    Index("ix_deliveries_due", "state", "next_attempt_at"),
    Index("ix_deliveries_listing", "webhook_id", "created_at"),
)

payments = Table(
    "payments",
    metadata,
    Column("id", String(255), primary_key=True),  # of the payment at Stripe
    Column("session_id", String(255)),  # of the checkout
    Column("workspace_id", String(36), ForeignKey("workspaces.id", ondelete="SET NULL"), index=True),
    Column("bought_ms", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),  # amounts in the currency's smallest unit
    Column("refunded", BigInteger, nullable=False),
    Column("disputed", BigInteger, nullable=False),
    Column("dispute_reported_at", UtcDateTime),  # when the newest report of a dispute that is booked was made
    Column("credited_ms", BigInteger, nullable=False),  # sum of its entries in the ledger
    _created_at(),
)

# --- requests ---------------------------------------------------------------------------------------------------------

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", String(80), primary_key=True),  # the user or API key that sent it
    Column("key", String(255), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("status", Integer),  # null while the first request is running
    Column("headers", JSON),
    Column("body", Text),
    Column("claim_id", String(36)),
    Column("claimed_until", UtcDateTime),  # extended by the running request
    _created_at(),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("bucket", String(200), primary_key=True),
    Column("window_start", BigInteger, primary_key=True),  # seconds
    Column("hits", Integer, nullable=False),
)

# --- workspace library ------------------------------------------------------------------------------------------------

media = Table(
    "media",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id"),
    _foreign_key("clips", "clip_id", nullable=True, index=True),
    Column("object_key", Text, nullable=False, unique=True),
    Column("filename", Text, nullable=False),
    Column("media_type", String(8), nullable=False),  # image, video, audio, font
    Column("content_type", String(100), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("duration_s", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("facts", JSON, nullable=False),
    _created_at(),
    Index("ix_media_listing", "workspace_id", "created_at"),
)

# An upload URL of the media library whose object is not confirmed; its size counts against the storage limit
pending_uploads = Table(
    "pending_uploads",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id", index=True),
    _foreign_key("clips", "clip_id", nullable=True, index=True),
    Column("object_key", Text, nullable=False, unique=True),
    Column("filename", Text, nullable=False),
    Column("declared_bytes", BigInteger, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    _created_at(),
)

templates = Table(
    "templates",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id", index=True),
    Column("name", Text, nullable=False),
    Column("ratio", String(8), nullable=False),
    Column("template_config", JSON, nullable=False),
    Column("preview_keys", JSON, nullable=False),
    _created_at(),
    UniqueConstraint("workspace_id", "name", "ratio"),
)

template_defaults = Table(
    "template_defaults",
    metadata,
    Column("workspace_id", String(36), ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("ratio", String(8), primary_key=True),
    Column("template_id", String(80), nullable=False),  # an ID of `templates`, or "system:..."
)

social_accounts = Table(
    "social_accounts",
    metadata,
    _primary_key(),
    _foreign_key("workspaces", "workspace_id", index=True),
    Column("platform", String(16), nullable=False),
    Column("external_id", Text, nullable=False),
    Column("name", Text, nullable=False, default=""),
    Column("tokens", Text, nullable=False),  # encrypted
    Column("expires_at", UtcDateTime),
    Column("enabled", Boolean, nullable=False, default=True, server_default=true()),
    Column("updated_at", UtcDateTime, nullable=False),
    _created_at(),
    UniqueConstraint("workspace_id", "platform", "external_id"),
)

cache = Table(
    "cache",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("body", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

"""The control plane: tenants, hosts, pipelines, experiments, samples; leases, outbox, audit trail, idempotency keys."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from phoenix_platform.adapters.sql.migrations.row_security import protect

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_JSON: Final = sa.JSON().with_variant(JSONB(), "postgresql")
_COUNTER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _processes()
    _tenants()
    _hosts()
    _pipelines()
    _experiments()
    protect(
        "audit_heads", "audit_events", "outbox", "idempotency_keys", "hosts", "enrollment_tokens",
        "host_credentials", "desired_documents", "host_reports", "load_simulations", "pipelines",
        "pipeline_versions", "experiments", "experiment_transitions", "judgements", "certificates", "samples",
        "sample_positions", "sample_counts",
    )  # fmt: skip
    op.execute("INSERT INTO outbox_state (id, position, removed_through) VALUES (1, 0, 0)")


def downgrade() -> None:
    for table in (
        "sample_counts",
        "sample_positions",
        "samples",
        "certificates",
        "judgements",
        "experiment_transitions",
        "experiments",
        "pipeline_versions",
        "pipelines",
        "load_simulations",
        "host_reports",
        "desired_documents",
        "host_credentials",
        "enrollment_tokens",
        "hosts",
        "idempotency_keys",
        "outbox",
        "audit_events",
        "audit_heads",
        "tenants",
        "outbox_state",
        "leases",
    ):
        op.drop_table(table)


def _processes() -> None:
    """What processes of the control plane agree on; no tenant's."""
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        sa.UniqueConstraint("name", "epoch", name="uq_leases_name_epoch"),
    )
    op.create_table(
        "outbox_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("removed_through", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_state"),
    )


def _tenants() -> None:
    """Tenants, and what every change writes beside itself."""
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
        sa.UniqueConstraint("name", name="uq_tenants_name"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=100), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_audit_heads_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_audit_heads"),
    )
    op.create_table(
        "audit_events",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor_kind", sa.String(length=50), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=200), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_audit_events_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "number", name="pk_audit_events"),
        sa.UniqueConstraint("tenant_id", "id", name="uq_audit_events_tenant_id_id"),
    )
    op.create_index(
        "ix_audit_events_tenant_id_target_number", "audit_events", ["tenant_id", "target", "number"]
    )
    op.create_table(
        "outbox",
        sa.Column("sequence", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("payload", _JSON, nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("published_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_outbox_tenant_id"),
        sa.PrimaryKeyConstraint("sequence", name="pk_outbox"),
        sa.UniqueConstraint("position", name="uq_outbox_position"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["sequence"],
        postgresql_where=sa.text("position IS NULL"),
        sqlite_where=sa.text("position IS NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=100), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", _JSON, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_idempotency_keys_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "actor_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _hosts() -> None:
    """Hosts and what belongs to one host."""
    op.create_table(
        "hosts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("instance_uid", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_hosts_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_hosts"),
        sa.UniqueConstraint("tenant_id", "instance_uid", name="uq_hosts_tenant_id_instance_uid"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_hosts_tenant_id_name"),
    )
    op.create_table(
        "enrollment_tokens",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=100), nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("used_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_enrollment_tokens_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_enrollment_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_enrollment_tokens_token_hash"),
    )
    op.create_table(
        "host_credentials",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("credential_hash", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "host_id"],
            ["hosts.tenant_id", "hosts.id"],
            name="fk_host_credentials_tenant_id_host_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_host_credentials_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "host_id", name="pk_host_credentials"),
        sa.UniqueConstraint("credential_hash", name="uq_host_credentials_credential_hash"),
    )
    op.create_table(
        "desired_documents",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(length=100), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "host_id"],
            ["hosts.tenant_id", "hosts.id"],
            name="fk_desired_documents_tenant_id_host_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_desired_documents_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "host_id", name="pk_desired_documents"),
    )
    op.create_table(
        "host_reports",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "host_id"],
            ["hosts.tenant_id", "hosts.id"],
            name="fk_host_reports_tenant_id_host_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_host_reports_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "host_id", name="pk_host_reports"),
    )
    op.create_table(
        "load_simulations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deadline", _TIME, nullable=False),
        sa.Column("stopped_at", _TIME, nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_load_simulations_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_load_simulations"),
    )
    op.create_index(
        "ix_load_simulations_tenant_id_deadline", "load_simulations", ["tenant_id", "deadline"]
    )


def _pipelines() -> None:
    """Pipelines and their immutable versions."""
    op.create_table(
        "pipelines",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_pipelines_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_pipelines"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_pipelines_tenant_id_name"),
    )
    op.create_table(
        "pipeline_versions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "pipeline_id"],
            ["pipelines.tenant_id", "pipelines.id"],
            name="fk_pipeline_versions_tenant_id_pipeline_id",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_pipeline_versions_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "pipeline_id", "number", name="pk_pipeline_versions"),
    )


def _experiments() -> None:
    """Experiments and what goes with one."""
    op.create_table(
        "experiments",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("phase", sa.String(length=50), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_experiments_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_experiments"),
    )
    op.create_index("ix_experiments_tenant_id_phase", "experiments", ["tenant_id", "phase"])
    op.create_table(
        "experiment_transitions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("phase_before", sa.String(length=50), nullable=False),
        sa.Column("phase_after", sa.String(length=50), nullable=False),
        sa.Column("cause", sa.String(length=50), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiments.tenant_id", "experiments.id"],
            name="fk_experiment_transitions_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_experiment_transitions_tenant_id"
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "experiment_id", "number", name="pk_experiment_transitions"
        ),
    )
    op.create_table(
        "judgements",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiments.tenant_id", "experiments.id"],
            name="fk_judgements_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_judgements_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "experiment_id", name="pk_judgements"),
    )
    op.create_table(
        "certificates",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiments.tenant_id", "experiments.id"],
            name="fk_certificates_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_certificates_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "experiment_id", name="pk_certificates"),
    )
    op.create_table(
        "samples",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("variant", sa.String(length=20), nullable=False),
        sa.Column("scrape", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiments.tenant_id", "experiments.id"],
            name="fk_samples_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_samples_tenant_id"),
        sa.PrimaryKeyConstraint(
            "tenant_id", "experiment_id", "host_id", "variant", "scrape", name="pk_samples"
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "experiment_id",
            "position",
            name="uq_samples_tenant_id_experiment_id_position",
        ),
    )
    op.create_table(
        "sample_positions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiments.tenant_id", "experiments.id"],
            name="fk_sample_positions_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_sample_positions_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "experiment_id", name="pk_sample_positions"),
    )
    op.create_table(
        "sample_counts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("last_ended_unix_nano", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiments.tenant_id", "experiments.id"],
            name="fk_sample_counts_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_sample_counts_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "experiment_id", "host_id", name="pk_sample_counts"),
    )

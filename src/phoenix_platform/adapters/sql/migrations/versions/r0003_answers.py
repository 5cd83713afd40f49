"""What a site's Prometheus answered to the guardrails of experiments."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from phoenix_platform.adapters.sql.migrations.row_security import protect

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("guardrail", sa.String(length=63), nullable=False),
        sa.Column("evaluated_at_unix_ms", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "experiment_id"],
            ["experiments.tenant_id", "experiments.id"],
            name="fk_answers_tenant_id_experiment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_answers_tenant_id"),
        sa.PrimaryKeyConstraint(
            "tenant_id", "experiment_id", "guardrail", "evaluated_at_unix_ms", name="pk_answers"
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "experiment_id",
            "position",
            name="uq_answers_tenant_id_experiment_id_position",
        ),
    )
    protect("answers")


def downgrade() -> None:
    op.drop_table("answers")

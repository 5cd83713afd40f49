"""The configuration that last worked on a host under a foreign supervisor, to be offered again when one fails."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from phoenix_platform.adapters.sql.migrations.row_security import protect

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "good_configurations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "host_id"],
            ["hosts.tenant_id", "hosts.id"],
            name="fk_good_configurations_tenant_id_host_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_good_configurations_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "host_id", name="pk_good_configurations"),
    )
    protect("good_configurations")


def downgrade() -> None:
    op.drop_table("good_configurations")

"""Which files a scan found unchanged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the runs of ids; of earlier scans only the number is known."""
    file_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    for name in ("first_file_id", "last_file_id"):  # set when a folder is settled the next time
        op.add_column("folders", sa.Column(name, file_id))
    op.create_table(
        "unchanged",
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("first_file_id", file_id, nullable=False),
        sa.Column("last_file_id", file_id, nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"]),
        sa.PrimaryKeyConstraint("scan_id", "first_file_id"),
        sqlite_with_rowid=False,
    )

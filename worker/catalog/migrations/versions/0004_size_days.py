"""The sizes of what tasks carried, day by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

COUNTS = (
    "analysed",
    "cut",
    "not_json",
    "args_sum",
    "args_max",
    "kwargs_sum",
    "kwargs_max",
    "wire_max",
    "result_max",
)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "size_days",
        sa.Column("day", sa.Text(), primary_key=True),
        sa.Column("task", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in COUNTS),
        sqlite_with_rowid=False,
    )

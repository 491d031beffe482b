"""What is needed to doubt that files are really gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Remember whether a root was on a disk of its own, and what a scan refused to mark."""
    op.add_column("roots", sa.Column("mounted", sa.Boolean()))
    op.add_column(
        "scans", sa.Column("would_mark", sa.BigInteger(), server_default="0", nullable=False)
    )

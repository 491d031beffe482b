"""Which tracks and credits joined what stands beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the marks; what joined before this is marked when its files are read again."""
    for table, target in (
        ("tracks", "album_id"),
        ("track_artists", "artist_id"),
        ("album_artists", "artist_id"),
    ):
        joined = sa.Column("joined", sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column(table, joined)
        op.create_index(
            f"{table}_joined",
            table,
            [target],
            sqlite_where=sa.text("joined = 1"),
            postgresql_where=sa.text("joined = true"),
        )

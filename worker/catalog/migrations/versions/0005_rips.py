"""What the rips of a release are found by."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the index."""
    op.create_index("albums_mbid", "albums", ["mbid"])

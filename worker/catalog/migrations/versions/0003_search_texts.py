"""What files are found by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.catalog.folding import search_text

revision = "0003"
down_revision = "0002"

PAGE = 1000
FILES = sa.text(
    "select files.id, title, artist, album, path_display from files "
    "left join tracks on tracks.file_id = files.id "
    "where files.id > :after order by files.id limit :page"
)


def upgrade() -> None:
    """Make the table, and fill it from the files that are known."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    table = op.create_table(
        "search_texts",
        sa.Column(
            "id",
            number,
            sa.ForeignKey("files.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("text", sa.Text(), nullable=False, server_default=""),
    )
    connection, after = op.get_bind(), 0
    while rows := connection.execute(FILES, {"after": after, "page": PAGE}).all():
        op.bulk_insert(table, [{"id": row[0], "text": search_text(*row[1:])} for row in rows])
        after = rows[-1][0]

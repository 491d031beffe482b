"""The database: what is known of the library, and the journal of every scan.

No Celery, no Redis, no tag reader.  Start at `store.Catalog`; `docs/catalog.md` explains the
tables.
"""

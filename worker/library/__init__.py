"""Music files on disk: walking and reading.  No Celery, no Redis, no database."""

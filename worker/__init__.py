"""The work: Celery tasks that find, read and store music files."""

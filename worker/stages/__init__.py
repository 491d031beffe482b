"""The tasks, one module a queue.  A message carries ids; the catalog's journal is the truth."""

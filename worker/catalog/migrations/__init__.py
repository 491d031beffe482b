"""What changed in the tables, one file a change; each also sets `schema.VERSION`."""

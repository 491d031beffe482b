"""The page: reads Redis, sends tasks by name; no database driver, no tag reader."""

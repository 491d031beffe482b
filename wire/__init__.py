"""What crosses between Needle's processes, and nothing else.  Standard library only."""

"""A small music library made by our own code, to judge Needle with before one's own is at hand."""

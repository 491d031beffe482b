"""The terminal: `needle up` and its friends.  The only room that may import web and worker."""

"""The explorer: one HTML page with the derived laws in it, to be used without a server."""

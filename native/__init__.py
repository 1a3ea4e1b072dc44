"""C core and its typed Python face: every secret, all hot-path arithmetic."""

"""Our C core beside the libraries that one would otherwise use, in the same run."""

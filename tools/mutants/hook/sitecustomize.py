"""Python runs this when it starts with this folder in PYTHONPATH."""

from mutants.finder import install

install()

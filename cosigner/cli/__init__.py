"""The command line: a module for each noun; output.py writes, command.py has what all commands share."""

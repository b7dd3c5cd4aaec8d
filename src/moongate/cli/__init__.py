"""The command line: one file per command; `show` is the only module that writes to the terminal."""

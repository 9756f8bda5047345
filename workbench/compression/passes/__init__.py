"""One compression pass per file; the file name is the pass's name, its ``PASS`` is the class."""

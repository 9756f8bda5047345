"""Lessons: one file each, ``<name>.py`` with ``OUTLINE = Outline(...)``, found by its name."""

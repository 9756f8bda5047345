"""What every panel stands on: the widget, its frames, the thread that works for it, files, code."""

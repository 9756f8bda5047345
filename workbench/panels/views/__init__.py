"""Views: the tabs of the Inspector, found by file name."""

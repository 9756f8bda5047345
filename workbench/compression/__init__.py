"""Passes that make a model smaller or faster, and the figures before and after; one pass per file, found by name."""

from workbench.compression.applying import apply_passes as apply_passes
from workbench.compression.contract import Compressed as Compressed
from workbench.compression.contract import Pass as Pass
from workbench.compression.contract import Setting as Setting
from workbench.compression.discovery import names as names
from workbench.compression.discovery import resolve as resolve
from workbench.compression.passes.prune import Prune as Prune
from workbench.compression.report import Report as Report

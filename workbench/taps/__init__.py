"""Reading and editing values inside any live module, without a trace: ``tap``; ``AttentionTap`` for attention."""

from workbench.taps.capture import AttentionRecord as AttentionRecord
from workbench.taps.capture import AttentionTap as AttentionTap
from workbench.taps.edits import ablate as ablate
from workbench.taps.edits import patch as patch
from workbench.taps.edits import replace as replace
from workbench.taps.edits import scale as scale
from workbench.taps.edits import steer as steer
from workbench.taps.hooks import Watch as Watch
from workbench.taps.live_tap import Tap as Tap
from workbench.taps.live_tap import tap as tap
from workbench.taps.seen import Seen as Seen
from workbench.taps.sites import Site as Site
from workbench.taps.sites import Sites as Sites

"""Reading and editing values inside any live module, without a trace: ``tap``; ``AttentionTap`` for attention."""

from workbench.taps.records import AttentionRecord as AttentionRecord
from workbench.taps.capture import AttentionTap as AttentionTap
from workbench.taps.hooks import Watch as Watch
from workbench.taps.live_tap import Seen as Seen
from workbench.taps.live_tap import Site as Site
from workbench.taps.live_tap import Tap as Tap
from workbench.taps.live_tap import tap as tap

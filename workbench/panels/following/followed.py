# pyright: reportUntypedBaseClass=false, reportUnknownMemberType=false
# (anywidget, ipywidgets and traitlets carry no complete types)
"""A panel that can follow a run, and go back through what it showed meanwhile."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import traitlets
from torch import nn

from workbench.core.errors import ModelError
from workbench.core.scripts import part
from workbench.panels.following.following import Following
from workbench.panels.following.timeline import Timeline
from workbench.panels.page.saving import Savable
from workbench.train.run import Run


class Followed(Savable):
    """Keeps the frames that are drawn while a run goes on, and shows one of them when the page asks."""

    following = traitlets.Unicode().tag(sync=True)
    """the run that is followed, the step whose weights are on show, and what following costs; empty without one"""
    sources: Any = traitlets.Dict().tag(sync=True)
    """the ESM of the tabs that have been opened and of parts that are needed: a page never receives what it does not
    draw"""
    moments: Any = traitlets.List().tag(sync=True)
    """number, tab, step and loss of every frame that is kept"""
    past: Any = traitlets.Dict().tag(sync=True)
    """the frame of the past that was asked for last"""
    kept: Any = traitlets.List().tag(sync=True)
    """some of the frames, evenly, for a notebook that is opened without a kernel"""

    def __init__(self) -> None:
        self.timeline = Timeline()
        """what was on show at earlier steps of the run"""
        self._following: Following | None = None
        self._followed: int | None = None
        self._saved = 0
        super().__init__()

    @abstractmethod
    def renew(self, *, once: bool) -> None:
        """Compute what is on show with the weights of now; an error is shown in the panel.

        Args:
            once: Whether its first answer is enough.
        """

    @property
    @abstractmethod
    def _model(self) -> nn.Module:
        """The model on show."""

    def follow(self, run: Run) -> Self:
        """Draw the tab on show again and again while a run changes the weights, until it ends or the panel is closed.

        Frames are drawn between two steps. Their measured cost is at most a twentieth of the run's time; the header
        says it. The losses are those of a run that nobody follows. The frames are kept in ``timeline``, evenly thinned
        when it is full; a slider on the page goes back through them, during the run and after it.

        Args:
            run: A run of the model on show.

        Raises:
            ModelError: The run trains another model.
        """
        if run.model is not self._model:
            kinds = type(run.model).__name__, type(self._model).__name__
            raise ModelError(
                f"This run trains another model ({kinds[0]}) than the one on show ({kinds[1]}): attach to run.model."
            )
        self._leave()
        if self._followed != id(run):
            self._followed, self._saved = id(run), 0
            self.timeline = Timeline()
            self.moments, self.past, self.kept = [], {}, []
        self._following = Following(self, run)
        return self

    def keep(self, step: int, loss: float | None, *, last: bool) -> None:
        """Keep the frame on show, unless it is an error or a refusal.

        Args:
            step: Of the run, whose weights are on show.
            loss: Of the run at this step.
            last: Whether no other will follow soon.
        """
        if self.closed or "error" in self.frame or self.frame.get("refused"):
            return
        self.timeline.keep(self.shown, step, loss, self.frame)
        if len(self.timeline) > 1 and "_timeline" not in self.sources:
            self.sources = {**self.sources, "_timeline": part(Path(__file__).parent, "timeline")}
        self.moments = self.timeline.listed()
        # Each time there are twice as many: what is sent in all is a few times what is saved.
        if last or len(self.timeline) >= 2 * self._saved:
            self._saved = len(self.timeline)
            self.kept = [moment.message() for moment in self.timeline.summary()]

    def wished(self, wish: Mapping[str, Any], seq: int) -> None:
        """Show a frame of the past at once, because nothing is computed for it; do other wishes in the background."""
        if "moment" not in wish:
            super().wished(wish, seq)
        elif (found := self.timeline.numbered(wish["moment"])) is not None:
            self.past = {**found.message(), "seq": seq}

    def close(self) -> None:
        """Take the panel off the page and let go of the run and of what was kept."""
        self._leave()
        super().close()
        self.timeline = Timeline()

    def _leave(self) -> None:
        if self._following is not None:
            self._following.end()
            self._following = None

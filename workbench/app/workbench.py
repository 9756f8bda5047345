"""Workbench: the verbs as one app in a notebook. Build, train, compress and inspect, with the code of every step."""

from collections.abc import Mapping
from typing import Any

from workbench.app.project import Project
from workbench.app.screens import AppScreens
from workbench.core.environment import kernel_present, strict
from workbench.core.variables import notebook
from workbench.panels import Inspector, Live
from workbench.panels.bench import Bench
from workbench.panels.following.runs import KeptRun, LiveRun
from workbench.panels.page.outputs import displayed
from workbench.train.run import Run
from workbench.verbs import attach

_EARLIER = 5
"""runs before the last that stay in the chart"""


class Workbench:
    """The app. Everything it does can be had as lines of code, by *Show code* or ``code(step)``."""

    def __init__(self, entry: str = "", *, namespace: Mapping[str, Any] | None = None) -> None:
        """Open the app; several of them do not know each other.

        Args:
            entry: The architecture it opens with; the first by name when not given.
            namespace: Variables whose live models can be chosen; those of the notebook when not given.

        Raises:
            UnknownNameError: There is no such entry.
        """
        self._project = Project(notebook() if namespace is None else namespace, entry)
        self._live: Live | None = None
        self._followed: Run | None = None
        self._followed_as = ""
        self._earlier: list[KeptRun] = []
        self._inspector: Inspector | None = None
        self._looked_at = ""
        screens = AppScreens(self._project, on_run=self.follow, on_step=self.arrange, on_inspect=self.inspect)
        self._bench = Bench(screens)
        watched = kernel_present() and not strict()
        self._bench.show({"step": "build"}, once=watched)
        if watched:  # the layers follow: a person sees the page meanwhile
            self._bench.wished({"step": "build"}, 0)

    @property
    def panel(self) -> Bench:
        """The page: its wishes are what a person does."""
        return self._bench

    @property
    def project(self) -> Project:
        """What was chosen, and the model, run and compressed model made of it."""
        return self._project

    @property
    def live(self) -> Live | None:
        """The live view of the last run."""
        return self._live

    @property
    def inspector(self) -> Inspector | None:
        """The Inspector that was opened last."""
        return self._inspector

    def code(self, step: str = "inspect") -> str:
        """The lines that do in a cell what was done up to a step.

        Args:
            step: "build", "train", "compress" or "inspect".
        """
        return self._project.code(step)

    def close(self) -> None:
        """Take the app off the page, stop its run and let go of its models. Doing so again does no harm."""
        self._project.close()
        self._bench.close()
        for panel in (self._live, self._inspector):
            if panel is not None:
                panel.close()
        self._live, self._inspector, self._followed = None, None, None

    def __repr__(self) -> str:
        return self._bench.text()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        displayed(self)
        bundle = self._bench.box._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/plain": self._bench.text(), "text/html": self._bench.picture()}, metadata

    def follow(self) -> None:
        """Show the live view of the run that has begun, in one chart with the app's runs before it."""
        run = self._project.run
        if run is None:
            return
        if self._followed is not None:
            self._earlier = [KeptRun(self._followed, self._followed_as), *self._earlier][:_EARLIER]
        self._followed, self._followed_as = run, self._project.run_name
        beside = [LiveRun(run, self._followed_as), *self._earlier] if self._earlier else [run]
        before, self._live = self._live, Live(*beside).follow()
        self._bench.below(self._live)
        if before is not None:
            before.close()

    def inspect(self) -> None:
        """Open the Inspector on the chosen model."""
        model, before = self._project.model(), self._inspector
        self._inspector, self._looked_at = attach(model, self._project.choices.task), self._project.subject
        self._bench.below(self._inspector)
        if before is not None:
            before.close()

    def arrange(self, step: str) -> None:
        """Show below the page what belongs to a step."""
        project = self._project
        inspector = self._inspector if self._looked_at == project.subject else None
        live = self._live if project.run is not None or project.going is not None else None
        self._bench.below({"train": live, "inspect": inspector}.get(step))

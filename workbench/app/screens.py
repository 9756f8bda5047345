"""Screens: what the page of the app shows at each step, as plain data, and what its buttons do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from workbench import compression, tasks, zoo
from workbench.app.anatomy import Anatomy, anatomy
from workbench.app.choices import Training
from workbench.app.finding import Catalogue
from workbench.app.project import Project
from workbench.core.config import Config
from workbench.core.errors import ConfigError, ModelError, WorkbenchError
from workbench.panels.form import fields, mistakes
from workbench.panels.page.frame import Doubt, Frame, Level

STEPS = {"build": "1 Build", "train": "2 Train", "compress": "3 Compress", "inspect": "4 Inspect"}

_LEVELS: Mapping[str, Level] = {"holds": "good", "fails": "bad", "stale": "warn", "never run": "warn"}


class AppScreens:
    """The four steps over one project."""

    def __init__(
        self,
        project: Project,
        *,
        on_run: Callable[[], None],
        on_step: Callable[[str], None],
        on_inspect: Callable[[], None],
    ) -> None:
        """Show a project.

        Args:
            project: Choices, and what came of them.
            on_run: Called after a run has begun.
            on_step: Called with the step that is about to be shown.
            on_inspect: Called when the model is to be inspected.
        """
        self.project = project
        self._on_run, self._on_step, self._on_inspect = on_run, on_step, on_inspect
        self._catalogue = Catalogue()
        self._busy = ""
        self._seen: tuple[tuple[str, Config], Anatomy] | None = None

    def frames(self, wish: Mapping[str, Any]) -> Iterator[Frame]:
        """The screen of a step with the choices that the page sends along."""
        step = self._taken(wish)
        self._on_step(step)
        draw = {"build": self._build, "train": self._train, "compress": self._compress, "inspect": self._inspect}
        if step == "build" and self._seen is None:  # the first forward imports much of torch: a page need not wait
            yield self._frame(step, self._build("", layers=False))
        yield self._frame(step, draw[step](str(wish.get("turned") or "")))

    def _frame(self, step: str, drawn: tuple[dict[str, Any], list[Doubt]]) -> Frame:
        meta, doubts = drawn
        return Frame(meta={**self._common(step), **meta}, doubts=doubts, code=self._code(step))

    def act(self, wish: Mapping[str, Any]) -> Callable[[], object] | None:
        """Do what a button says."""
        self._taken(wish)
        what = wish.get("do")
        if self._busy:
            raise ModelError(f"The app is {self._busy}: wait for its end.")
        if what == "train":
            run = self.project.train()
            self._on_run()
            return run.wait
        if what == "compress":
            return self._compressing()
        if what == "inspect":
            self._on_inspect()
        return None

    def text(self) -> str:
        """The choices in a line, and the code of all that was done."""
        return f"Workbench: {self._title()}\n{self._code('inspect')}"

    def _taken(self, wish: Mapping[str, Any]) -> str:
        self.project.take(wish.get("choices"))
        step = wish.get("step")
        return step if isinstance(step, str) and step in STEPS else "build"

    def _compressing(self) -> Callable[[], object]:
        self._busy = "compressing"

        def work() -> None:
            try:
                self.project.compress()
            finally:
                self._busy = ""

        return work

    # What every screen has

    def _common(self, step: str) -> dict[str, Any]:
        chosen = self.project.choices
        return {
            "step": step,
            "steps": [[name, title] for name, title in STEPS.items()],
            "title": self._title(),
            "choices": asdict(chosen),
            "tasks": tasks.names(),
            "sources": self.project.models(),
            "going": self.project.going is not None,
            "busy": self._busy,
            "trained": self._trained(),
        }

    def _title(self) -> str:
        chosen = self.project.choices
        return f"{chosen.source or chosen.entry} on {chosen.task}"

    def _trained(self) -> str:
        run = self.project.run
        if run is None:
            return "as it is in the notebook" if self.project.choices.source else "not trained yet"
        if run.running:
            return "is being trained"
        return f"run {run.status}, step {run.progress.step:,} of {run.progress.total:,}"

    def _code(self, step: str) -> str:
        try:
            return self.project.code(step)
        except WorkbenchError:  # a field is out of range, which the form says
            return ""

    # The steps

    def _build(self, turned: str, *, layers: bool = True) -> tuple[dict[str, Any], list[Doubt]]:
        project, chosen = self.project, self.project.choices
        kind = zoo.entry(chosen.entry).config
        status, claim = self._catalogue.claim(chosen.entry)
        config, errors = self._config(turned)
        stands = {**kind().model_dump(), **(config.model_dump() if config is not None else {}), **chosen.values}
        meta = {
            "entries": self._catalogue.found(chosen.search),
            "of": len(zoo.names()),
            "about": self._catalogue.title(chosen.entry),
            "paper": self._catalogue.paper(chosen.entry),
            "form": fields(kind, stands, self._data_name()),
            "errors": errors,
            "layers": self._anatomy(config).to_dict() if config is not None and layers else None,
        }
        doubts = [Doubt(_LEVELS[status], claim)]
        if project.choices.source:
            doubts.append(Doubt("warn", f"The other steps use {project.choices.source}, not what is built here"))
        return meta, doubts

    def _config(self, turned: str) -> tuple[Config | None, dict[str, str]]:
        """The config, or why there is none by field; without data, of the config's own sizes."""
        kind = zoo.entry(self.project.choices.entry).config
        try:
            return self.project.config(), {}
        except ConfigError as error:
            return None, mistakes(kind, str(error), turned)
        except WorkbenchError as error:  # no such data here, or of another kind
            said = {"task": str(error)}
        try:
            return self.project.config(sized=False), said
        except ConfigError as error:
            return None, {**said, **mistakes(kind, str(error), turned)}

    def _data_name(self) -> str:
        try:
            return str(self.project.data.name)
        except WorkbenchError:
            return ""

    def _anatomy(self, config: Config) -> Anatomy:
        chosen = self.project.choices
        key = (f"{chosen.entry} {chosen.task}", config)
        if self._seen is None or self._seen[0] != key:
            architecture = zoo.entry(chosen.entry)
            try:
                data = self.project.data
                inputs = data.sample_batch(1) if data.kind in architecture.takes else None
            except WorkbenchError:
                inputs = None
            self._seen = (key, anatomy(architecture, config, inputs))
        return self._seen[1]

    def _train(self, turned: str) -> tuple[dict[str, Any], list[Doubt]]:
        chosen, errors = self.project.choices, dict[str, str]()
        try:
            stands = self.project.training.model_dump()
        except ConfigError as error:
            stands = {**Training().model_dump(), **chosen.training}
            errors = mistakes(Training, str(error), turned)
        return {"form": fields(Training, stands), "errors": errors}, [Doubt("good", self._about_training())]

    def _about_training(self) -> str:
        if self.project.choices.source:
            return "the notebook's own model is trained in place"
        return "a run begins with fresh weights of its seed, so that the code gives the same run"

    def _compress(self, turned: str) -> tuple[dict[str, Any], list[Doubt]]:
        errors: dict[str, dict[str, str]] = {}
        offered: list[dict[str, Any]] = []
        for name in compression.names():
            kind, values = type(compression.resolve(name)[0]), self.project.choices.passes.get(name)
            stands = {**kind().model_dump(), **(values or {})}
            try:
                kind(**(values or {}))
            except ConfigError as error:
                errors[name] = mistakes(kind, str(error), turned)
            offered.append(
                {
                    "name": name,
                    "help": (kind.__doc__ or "").partition("\n")[0],
                    "chosen": values is not None,
                    "form": fields(kind, stands),
                    "errors": errors.get(name, {}),
                }
            )
        small = self.project.compressed
        report = [list(row) for row in small.report.rows()] if small is not None else None
        doubts = [Doubt("good", "a copy is compressed; the model itself stays as it is")]
        if small is not None:
            doubts.append(Doubt("good", small.report.doubt))
        return {"offered": offered, "report": report, "errors": {}}, doubts

    def _inspect(self, turned: str) -> tuple[dict[str, Any], list[Doubt]]:
        del turned
        return {"errors": {}}, [Doubt("good", "the model is looked at, neither changed nor copied")]

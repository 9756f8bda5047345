"""Project: what a person chose in the app and what came of it. It knows no widget."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import nn

from workbench import compression, zoo
from workbench.app import lines
from workbench.app.choices import Choices, Training
from workbench.app.models import listing
from workbench.compression import Compressed, Pass
from workbench.core.config import Config
from workbench.core.errors import ConfigError, ModelError
from workbench.core.variables import is_code, model_named
from workbench.train.run import Run
from workbench.verbs import build
from workbench.verbs import compress as compressed_by
from workbench.verbs.resolving import dataset_of
from workbench.verbs.training import begin


class Project:
    """Choices, and the model, run and compressed model made of them."""

    def __init__(self, namespace: Mapping[str, Any], entry: str = "") -> None:
        """Begin with an entry.

        Args:
            namespace: Variables among which live models are found.
            entry: Name of an entry; the first by default.

        Raises:
            UnknownNameError: There is no such entry.
        """
        name = entry.replace("-", "_") or zoo.names()[0]
        self.namespace = namespace
        self.choices = Choices(name, zoo.entry(name).recipe.task)
        self._data: tuple[str, Any] = ("", None)
        self._made: tuple[str, nn.Module | None] = ("", None)
        self._ran: tuple[str, Run | None, dict[str, Any]] = ("", None, {})
        self._small: tuple[str, Compressed | None] = ("", None)
        self._runs = 0

    # Choosing

    def take(self, wished: Any) -> None:
        """Take over what a page says was chosen. What does not exist here is left as it was.

        Args:
            wished: As ``Choices`` in JSON, not yet checked.
        """
        if isinstance(wished, Mapping):
            self.choices = self.choices.changed(wished, self.models())

    def models(self) -> list[str]:
        """Names of the notebook's live models that code can mean."""
        return [found["name"] for found in listing(self.namespace)["models"] if is_code(found["name"])]

    # What the choices come to

    @property
    def data(self) -> Any:
        """The data set of the chosen task.

        Raises:
            MissingExtraError: Its package is not installed.
        """
        name, held = self._data
        if name != self.choices.task:
            self._data = (self.choices.task, held := dataset_of(self.choices.task))
        return held

    def config(self, *, sized: bool = True) -> Config:
        """The config of the chosen entry, sized by the data unless there is none.

        Raises:
            ConfigError: A value is out of range.
            DataError: The data is of another kind than the entry takes.
        """
        chosen = self.choices
        data = self.data if sized else None
        return zoo.entry(chosen.entry).configure(data, preset=chosen.preset or None, **chosen.values)

    @property
    def training(self) -> Training:
        """The settings of the run.

        Raises:
            ConfigError: One is out of range.
        """
        return Training(**self.choices.training)

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The chosen passes.

        Raises:
            ConfigError: None was chosen, or a field is out of range.
        """
        chosen = self.choices.passes
        if not chosen:
            raise ConfigError(f"No pass is chosen: choose from {', '.join(compression.names())}.")
        return tuple(type(compression.resolve(name)[0])(**values) for name, values in chosen.items())

    def model(self) -> nn.Module:
        """The variable's model, or the one that is built of the choices: trained, where these were trained.

        Raises:
            ModelError: The variable is gone.
            WorkbenchError: It cannot be built.
        """
        source = self.choices.source
        if source:
            found = model_named(self.namespace, source)
            if found is None:
                raise ModelError(f"There is no model {source!r} in this notebook any more: choose another.")
            return found
        key, held = self._made
        if held is None or key != self.subject:
            held = self._build()
        return held

    @property
    def run(self) -> Run | None:
        """The run of the chosen model, if there was one."""
        key, run, _ = self._ran
        return run if key == self.subject else None

    @property
    def going(self) -> Run | None:
        """The run that goes on, of whatever was chosen then."""
        run = self._ran[1]
        return run if run is not None and run.running else None

    @property
    def run_name(self) -> str:
        """What the run of the chosen model is called: the number of the app's run, and what was turned for it."""
        chosen = self.choices
        turned = {**chosen.values, **self._ran[2]}
        words = [f"{name} {value}" for name, value in turned.items()]
        return " \N{MIDDLE DOT} ".join([f"{self._runs}: {chosen.source or chosen.entry}", *words])

    @property
    def compressed(self) -> Compressed | None:
        """What compressing the chosen model by the chosen passes came to, if that was done."""
        key, small = self._small
        return small if key == self._compress_key() else None

    # Doing

    def train(self) -> Run:
        """Train the chosen model in the background; one built here begins anew, so that the code says all of it.

        Raises:
            ModelError: A run of this app goes on.
            WorkbenchError: It cannot be built or trained.
        """
        if self.going is not None:
            raise ModelError("A run goes on: stop it before another is started.")
        chosen, settings = self.choices, self.training
        model = self.model() if chosen.source else self._build()
        run = begin(model, chosen.task, None, None, None, settings.steps, settings.seed, None, None, "auto", None, None)
        self._ran = (self.subject, run, dict(chosen.training))
        self._runs += 1
        return run

    def compress(self) -> Compressed:
        """Compress a copy of the chosen model; takes as long as that takes.

        Raises:
            WorkbenchError: It cannot be compressed.
        """
        if self.going is not None:
            raise ModelError("A run goes on: stop it, or wait for its end, before the model is compressed.")
        key = self._compress_key()
        small = compressed_by(self.model(), self.passes, self.choices.task)
        self._small = (key, small)
        return small

    def close(self) -> None:
        """Stop a run that goes on and let go of every model."""
        if (run := self.going) is not None:
            run.stop()
        self._made, self._ran, self._small, self._data = ("", None), ("", None, {}), ("", None), ("", None)
        self.namespace = {}

    # Show code

    def code(self, step: str) -> str:
        """The lines that do in a cell what was done up to a step.

        Args:
            step: "build", "train", "compress" or "inspect".
        """
        chosen = self.choices
        name, data = chosen.source or "model", repr(chosen.task)
        made = self._build_line() if not chosen.source else f"# {chosen.source} is a variable of this notebook"
        if step == "build":
            return lines.cell(self._build_line())
        if step == "train":
            return lines.cell(made, self._fit_line(name, chosen.training))
        fit = self._fit_line(name, self._ran[2]) if self.run is not None else ""
        if step == "compress":
            *imports, passes = lines.passes_code(self.passes) if chosen.passes else ["[]"]
            return lines.cell(*imports, made, fit, lines.called("small = wb.compress", name, passes, f"data={data}"))
        return lines.cell(made, fit, lines.called("wb.attach", name, data))

    def _build_line(self) -> str:
        chosen = self.choices
        seed = chosen.training.get("seed") or None
        return lines.called(
            "model = wb.build",
            repr(chosen.entry),
            data=chosen.task,
            preset=chosen.preset or None,
            seed=seed,
            **chosen.values,
        )

    def _fit_line(self, name: str, turned: Mapping[str, Any]) -> str:
        run = self.run
        line = lines.called("run = wb.fit", name, repr(self.choices.task), **turned)
        if run is not None and run.status == "stopped":
            line = f"# was stopped at step {run.progress.step} of {run.progress.total}\n{line}"
        return line

    def _build(self) -> nn.Module:
        chosen = self.choices
        self._made = ("", None)
        model = build(chosen.entry, self.data, preset=chosen.preset or None, seed=self.training.seed, **chosen.values)
        self._made = (self.subject, model)
        return model

    @property
    def subject(self) -> str:
        """What tells the chosen model from others: its variable, or what it is built of."""
        known = asdict(self.choices)
        if self.choices.source:
            return json.dumps([known["source"], known["task"]])
        seed = self.choices.training.get("seed", 0)
        return json.dumps([seed, *(known[name] for name in ("entry", "task", "preset", "values"))], sort_keys=True)

    def _compress_key(self) -> str:
        return f"{self.subject} {json.dumps(self.choices.passes)} {id(self._ran[1])}"

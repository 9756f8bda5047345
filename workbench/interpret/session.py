"""Session: one model, one input, one target, one selection, and what was captured. Every panel is a view of it."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.calling import Call, call, scores
from workbench.core.errors import ConfigError
from workbench.core.live import evaluating, look
from workbench.interpret import pairing, targets
from workbench.interpret._editable import Editable
from workbench.interpret._labels import naming, tokens
from workbench.interpret.architecture import structure
from workbench.interpret.architecture.structure import Overview
from workbench.interpret.attending import recording
from workbench.interpret.attending.attention_maps import AttentionMaps
from workbench.interpret.attributions._explaining import improving_explanation
from workbench.interpret.attributions._method import Method
from workbench.interpret.attributions._outcome import Explanation
from workbench.interpret.batches import as_batch
from workbench.interpret.editing import Edits
from workbench.interpret.moment import Selection, Snapshot, versions
from workbench.interpret.pairing import Difference
from workbench.interpret.targets import Target, Wanted
from workbench.taps import AttentionTap, tap
from workbench.taps.addresses import resolve

MAX_BYTES = 1 << 28


class Session(Editable):
    """One model, one input, one target and one selection, under one byte cap.

    One forward serves every view: output, attention and the values that views ``want``. It is kept until the
    input changes or ``refresh`` is called; ``stale`` says that the weights have changed since.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        *,
        names: Sequence[str] | None = None,
        processor: Any = None,
        call: Call | None = None,
        target: Wanted | Target = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """A session that computes when it is first asked.

        Args:
            model: Any module; nothing is attached to it.
            inputs: A batch, or what would stand in ``Batch.inputs``.
            names: Names of the classes.
            processor: A tokenizer, or a processor that has one.
            call: How the model is called, where that is not the ordinary way.
            target: What is explained; None to infer it from the output.
            max_bytes: How much captured values and attention may hold together.
        """
        self.model, self.names, self.processor = model, names, processor
        self._edits = Edits(model, call)
        self.max_bytes = max_bytes
        self.batch = as_batch(inputs)
        self.selection = Selection()
        self.forwards = 0
        """forwards that were run to capture values"""
        self.revision = 0
        """how often input, target, selection or edits were changed; new weights do not count"""
        self._target = target
        self._wanted: list[str] = []
        self._snapshot: Snapshot | None = None
        self._overview: Overview | None = None
        self._attribution: Explanation | None = None
        self._explained: tuple[tuple[int, int], ...] = ()
        self._other: Session | None = None
        self._first: Session | None = None
        self._followers: list[Callable[[Session], None]] = []
        self._lock = threading.RLock()

    # What is looked at

    def use(self, inputs: Any) -> None:
        """Look at another input; everything captured is forgotten and followers are told."""
        with self._lock:
            self.batch = as_batch(inputs)
            self.selection = replace(self.selection, example=0, token=None, node=None, pixel=None)
            self._forget()
            self._unexplain()
        self._tell()

    def explain(self, target: Wanted | Target) -> None:
        """Explain another score; followers are told."""
        with self._lock:
            self._target = target
            self._unexplain()
        self._tell()

    def select(self, **changes: Any) -> Selection:
        """Point at something else: example, token, layer, head or label; followers are told.

        Raises:
            ConfigError: There is no such kind of thing to point at.
        """
        unknown = set(changes) - set(Selection.__dataclass_fields__)
        if unknown:
            allowed = ", ".join(Selection.__dataclass_fields__)
            raise ConfigError(f"Nothing called {min(unknown)!r} can be selected. Choose from {allowed}.")
        with self._lock:
            before, self.selection = self.selection, replace(self.selection, **changes)
            if (self.selection.node, self.selection.example) != (before.node, before.example):
                self._unexplain()
        if self.selection != before:
            self._tell()
        return self.selection

    def follow(self, told: Callable[["Session"], None]) -> Callable[[], None]:
        """Be told after every change of input, target, selection or weights; returns how to stop that."""
        self._followers.append(told)
        return lambda: self._followers.remove(told) if told in self._followers else None

    # A second input

    @property
    def other(self) -> "Session | None":
        """The second input that this one is compared with; None where there is none.

        A session of its own: it explains what this one explains, at its own node where one is selected there, and
        nothing is computed before it is asked. Followers of this one are told when it changes.
        """
        return self._other

    def compare_with(self, inputs: Any, model: nn.Module | None = None) -> "Session | None":
        """Look at a second input beside this one; both together stay under the byte cap. Followers are told.

        Args:
            inputs: A batch, or what would stand in ``Batch.inputs``; None to end the comparison.
            model: Another model that the second input is given to, without the edits; this one's when not given.

        Returns:
            The second input, as ``other`` gives it.
        """
        with self._lock:
            self._other = None
            if inputs is not None:
                self._other = Session(
                    self.model if model is None else model,
                    inputs,
                    names=self.names,
                    processor=self.processor,
                    call=self._edits.plain,
                    max_bytes=self.max_bytes // 2,
                )
                self._other._first = self  # noqa: SLF001 - the same class
                if model is None:
                    self._other._edits = self._edits  # noqa: SLF001 - the same class
                self._other.follow(lambda _: self._tell())
                if self.bytes > self.max_bytes // 2:
                    self._snapshot = None
        self._tell()
        return self._other

    def difference(self) -> Difference | None:
        """How the answer to the second input differs from that to this one; None where there is no second input."""
        other = self._other
        if other is None:
            return None
        examples = self.selection.example, other.selection.example
        if (node := self.selection.node) is not None:
            examples = node, node if other.selection.node is None else other.selection.node
        called = naming(self.processor, self.output) or targets.namer(self.model, self.names)
        return pairing.difference(self.output, other.output, called, examples=examples)

    # What was captured

    def want(self, *addresses: str) -> None:
        """Have values captured in the next forward, so that several views share one.

        Raises:
            AddressError: An address names nothing in this model.
        """
        for address in addresses:
            resolve(self.model, address)
        with self._lock:
            new = [address for address in addresses if address not in self._wanted]
            self._wanted += new
            if new:
                self._snapshot = None

    def snapshot(self) -> Snapshot:
        """The captured forward; runs it if there is none."""
        with look(), self._lock:  # in this order, because a step may tell a follower while it holds the first
            if self._snapshot is None:
                self._snapshot = self._forward()
            return self._snapshot

    def value(self, address: str) -> Any:
        """A value inside the model on this input.

        Raises:
            AddressError: There is no such address, it was not computed, or it did not fit under the byte cap.
        """
        self.want(address)
        return self.snapshot().values[address]

    @property
    def output(self) -> Any:
        """What the model returned, detached."""
        return self.snapshot().output

    @property
    def scores(self) -> Tensor:
        """The main tensor of the output."""
        return scores(self.output)

    @property
    def attention(self) -> AttentionMaps:
        """Every attention of the forward; empty, with a reason, where there is none."""
        return self.snapshot().attention

    @property
    def target(self) -> Target:
        """What is explained.

        Raises:
            DataError: The target does not fit the output.
        """
        first, node = self._first, self.selection.node
        if first is not None:
            wanted, at = first._target, first.selection  # noqa: SLF001 - the same class
            at = at if node is None or at.node is None else replace(at, node=node)
            return pairing.same(self.model, first.target, wanted, self.output, at=at, names=self.names)
        if node is not None:
            return targets.of_node(self.model, self.output, self._target, node, names=self.names)
        return targets.choose(self.model, self.output, self._target, names=self.names)

    @property
    def tokens(self) -> list[list[str]]:
        """The tokens of each example; empty where there are none or nothing can write them."""
        return tokens(self.processor, self.batch)

    @property
    def bytes(self) -> int:
        """How much the captured forward holds."""
        held = self._snapshot
        if held is None:
            return 0
        return sum(m.stored.nbytes for m in held.attention) + held.values.bytes

    @property
    def stale(self) -> bool:
        """Whether the weights have changed since the forward that was captured."""
        other = self._other is not None and self._other.stale
        return other or (self._snapshot is not None and self._snapshot.versions != versions(self.model))

    def refresh(self) -> None:
        """Forget what was captured, so that the next question is answered with the weights of now."""
        with self._lock:
            self._forget_all()
        self._tell(looked_at=False)

    # Methods

    def overview(self) -> Overview:
        """The tree of the model with what each part costs on this input."""
        with look(), self._lock:
            if self._overview is None:
                self._overview = structure.overview(self.model, self.batch, self.call)
            return self._overview

    def attributions(self, method: str | Method = "auto", **options: Any) -> Iterator[Explanation]:
        """How much each part of the input added to the target's score, more and more precisely.

        Args:
            method: As ``interpret.explain`` takes it.
            options: Those of ``interpret.explain``.
        """
        batch, target, edits, result = self.batch, self._target, self.edits, None
        marks = versions(self.model)
        for result in improving_explanation(self.model, batch, method, self.target, call=self.call, **options):
            yield result
        if batch is self.batch and target is self._target and edits == self.edits and _usual(method, options):
            self._attribution, self._explained = result, marks

    def attribution(self, method: str | Method = "auto", **options: Any) -> Explanation:
        """The last of ``attributions``; the usual one is kept until input, target or weights change."""
        kept = self._attribution
        if kept is None or not _usual(method, options) or self._explained != versions(self.model):
            *_, kept = self.attributions(method, **options)
        return kept

    # Inside

    def _forward(self) -> Snapshot:
        room = self.max_bytes if self._other is None else self.max_bytes // 2
        values = tap(self.model, max_bytes=room // 2)
        attended = AttentionTap(self.model, max_bytes=room - room // 2)
        with look(), evaluating(self.model), torch.no_grad():
            marks, plain = versions(self.model), self._edits.plain
            untouched = call(self.model, self.batch, call=plain) if self._edits else None
            with self._edits.made(), values, attended:
                seen = values.read(*self._wanted)
                output = call(self.model, self.batch, call=plain)
        self.forwards += 1
        maps = recording.collected(attended, self.model, self.batch, self.processor)
        untouched = output if untouched is None else untouched
        return Snapshot(output=output, untouched=untouched, attention=maps, values=seen, versions=marks)

    def _unexplain(self) -> None:
        """Something else is explained, here and of the second input."""
        self._attribution = None
        if self._other is not None:
            self._other._unexplain()  # noqa: SLF001 - the same class

    def _forget_all(self) -> None:
        self._forget()
        if self._other is not None:
            self._other._forget()  # noqa: SLF001 - the same class

    def _forget(self) -> None:
        self._snapshot = self._overview = self._attribution = None

    def _tell(self, *, looked_at: bool = True) -> None:
        self.revision += looked_at
        for told in tuple(self._followers):
            told(self)


def _usual(method: str | Method, options: Mapping[str, Any]) -> bool:
    return method == "auto" and not options

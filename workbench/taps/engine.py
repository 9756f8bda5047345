"""Engine: applies edits and keeps values while a watched model runs."""

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from workbench.core.errors import AddressError, ModelError
from workbench.taps import accounts
from workbench.taps.addresses import INPUTS, Address
from workbench.taps.changing import Edit, edited
from workbench.taps.functions import FunctionCalls, resumed
from workbench.taps.hooks import Watch
from workbench.taps.keeping import Shelf
from workbench.taps.running import Running
from workbench.taps.seen import Seen
from workbench.taps.sites import Site
from workbench.taps.values import part, tensors, versions
from workbench.taps.wishes import Enough, Wish


class Engine:
    """What one tap does at every module and torch call; an ``Observer``."""

    def __init__(self, model: nn.Module, max_bytes: int) -> None:
        self.watch = Watch(model, observer=self)
        self.shelf = Shelf(max_bytes)
        self.sites: list[Site] | None = None
        self.functions: FunctionCalls | None = None
        """on this thread's stack of modes while torch functions are wanted"""
        self._families: dict[str, list[nn.Module]] = {}
        for module, name in self.watch.names.items():
            for parent in {name, name.rpartition(".")[0]}:
                self._families.setdefault(parent, []).append(module)
        self._until: Seen | None = None
        self._pending: list[str] = []
        self._wishes: dict[nn.Module, list[Wish]] = {}
        self._edits: dict[nn.Module, list[tuple[Address, Edit]]] = {}
        self._of_last_forward: set[tuple[int, str]] = set()
        self._ways: dict[tuple[int, str], tuple[str, ...]] = {}
        # Of the forward that is running:
        self._computed: list[str] = []
        self._here: set[tuple[int, str]] = set()
        self._edited: set[str] = set()
        self._not_edited: set[str] = set()

    def wish(self, wish: Wish) -> None:
        """Keep a value from now on."""
        self._wishes.setdefault(wish.address.module, []).append(wish)
        self._attend(wish.address)

    def change(self, address: Address, edit: Edit) -> None:
        """Edit a value from now on."""
        self._edits.setdefault(address.module, []).append((address, edit))
        self._attend(address)

    def end_with(self, seen: Seen | None) -> None:
        """End a forward, by ``Enough``, as soon as all values of these are known; None for never."""
        self._until, self._pending = seen, [] if seen is None else list(reversed(seen.wishes))

    def withdraw(self, seen: Seen) -> None:
        """Keep nothing more for these; what they hold stays theirs."""
        for wishes in self._wishes.values():
            wishes[:] = [wish for wish in wishes if wish.seen is not seen]

    def clear(self) -> None:
        """Forget all wishes and edits."""
        self._wishes, self._edits, self._of_last_forward, self._ways = {}, {}, set(), {}

    @property
    def needs_functions(self) -> bool:
        """Whether torch calls have to be seen, or a fused kernel to step aside that would pass a value by."""
        addresses = [wish.address for wishes in self._wishes.values() for wish in wishes]
        addresses += [address for edits in self._edits.values() for address, _ in edits]
        fused = [m for m in self.watch.names if isinstance(m, nn.TransformerEncoderLayer)]
        inside = {module for layer in fused for module in layer.modules() if module is not layer}
        return self.sites is not None or any(a.of_function or a.module in inside for a in addresses)

    def _attend(self, address: Address) -> None:
        # Parent and siblings too, so that it can be said what was computed instead.
        near = self._families.get(address.path.rpartition(".")[0], ())
        self.watch.attach((address.module, *near, *(address.module.modules() if address.of_function else ())))

    def entering(self, run: Running, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A forward begins: its inputs are edited and kept."""
        if self._is_whole(run):
            self._begin()
        if run.again and self.functions is not None and self.functions.away:
            run.context.enter_context(resumed(self.functions))
        wanted = list(self._asked(run, INPUTS))
        edits = [] if run.elsewhere else list(self._changes(run, INPUTS))
        if not wanted and not edits:
            return None
        tree: Any = {str(i): one for i, one in enumerate(args)} | kwargs
        for address, edit in edits:
            tree = edited(tree, address, edit)
        for wish in wanted:
            self._keep(wish, tree, run)
        return tuple(tree[str(i)] for i in range(len(args))), {name: tree[name] for name in kwargs}

    def leaving(self, run: Running, output: Any) -> Any:
        """A forward has ended: its output is edited and kept."""
        new = self._passed(run, "", output)
        if not run.again:
            self._close(run)
            name = self._name(run)
            self._computed.append(name)
            self._list(name, type(run.module).__name__, new)
            if self._is_whole(run, ended=True):
                self._account()
        return None if new is output else new

    def computed(self, function: str, output: Any) -> Any:
        """A torch function has returned."""
        if not self.watch.open or not (stack := self.watch.running) or not tensors(output):
            return output
        run = stack[-1]
        index = run.counts.get(function, 0)
        run.counts[function] = index + 1
        value = f"{function}#{index}"
        run.functions.append(value)
        if run.module in self._wishes or run.module in self._edits:
            output = self._passed(run, value, output)
        if not run.again:
            self._list(f"{self._name(run)}:{value}", function, output, of_function=True)
        return output

    def _passed(self, run: Running, value: str, output: Any) -> Any:
        """A value after all edits, kept where it is wanted."""
        for address, edit in self._changes(run, value):
            if run.elsewhere:
                self._not_edited.add(address.text)
            else:
                self._edited.add(address.text)
                output = edited(output, address, edit)
        for wish in self._asked(run, value):
            self._keep(wish, output, run)
        return output

    def _asked(self, run: Running, value: str) -> Iterator[Wish]:
        if run.again:
            return
        for wish in tuple(self._wishes.get(run.module, ())):
            if wish.address.value == value and wish.address.call == run.call:
                yield wish

    def _changes(self, run: Running, value: str) -> Iterator[tuple[Address, Edit]]:
        for address, edit in tuple(self._edits.get(run.module, ())):
            if address.value != value:
                continue
            if run.call < 0:
                raise ModelError(accounts.ambiguous(address.text))
            if address.call == run.call:
                yield address, edit

    def _is_whole(self, run: Running, *, ended: bool = False) -> bool:
        alone = len(self.watch.stack) == (0 if ended else 1)
        return run.module is self.watch.root and alone and not run.again and not run.elsewhere

    def _begin(self) -> None:
        """A new forward of the whole model: values of the last one are forgotten, what was read beside it stays."""
        for known in (self._computed, self._edited, self._not_edited, self._here):
            known.clear()
        for wish in self._all():
            if wish.key in self._of_last_forward or wish.address.text not in wish.seen:
                self._forget(wish)
        self._of_last_forward.clear()

    def _all(self) -> list[Wish]:
        return [wish for wishes in self._wishes.values() for wish in wishes]

    def _forget(self, wish: Wish) -> None:
        for table in (wish.seen.kept, wish.seen.refused, wish.seen.warnings, wish.seen.marks):
            table.pop(wish.address.text, None)
        self.shelf.drop(wish.key)

    def _close(self, run: Running) -> None:
        """The torch functions wanted of a call that has ended: named if not computed, compared with the last way."""
        for wish in tuple(self._wishes.get(run.module, ())):
            address, seen, way = wish.address, wish.seen, tuple(run.functions)
            if not address.of_function or address.call != run.call:
                continue
            before, self._ways[wish.key] = self._ways.get(wish.key, way), way
            if address.text not in seen and address.text not in seen.refused:
                seen.refused[address.text] = accounts.not_called(address, self._name(run), way)
            elif before != way and address.text in seen:
                seen.warnings[address.text] = accounts.other_way(address, self._name(run), before, way)
            self._enough()

    def _account(self) -> None:
        """After a whole forward: what was not computed, and what was instead; edits that were not applied."""
        for text in self._not_edited - self._edited:
            warnings.warn(accounts.not_edited(text), stacklevel=2)
        for wish in self._all():
            if wish.address.text not in wish.seen:
                wish.seen.refused.setdefault(wish.address.text, accounts.not_reached(wish.address, self._computed))

    def _keep(self, wish: Wish, output: Any, run: Running) -> None:
        text, seen = wish.address.text, wish.seen
        if run.elsewhere and wish.key in self._here:
            return  # somebody else runs this part of the model, which this forward has computed itself
        if not run.elsewhere:
            self._here.add(wish.key)
        self._forget(wish)
        self._of_last_forward.discard(wish.key)
        if any(other.module is self.watch.root for other in (*self.watch.stack[:1], run)):
            self._of_last_forward.add(wish.key)
        try:
            value = part(output, wish.address.parts, text)
        except AddressError as error:
            seen.refused[text] = str(error)
        else:
            self._shelve(wish, value, run)
        self._enough()

    def _shelve(self, wish: Wish, value: Any, run: Running) -> None:
        text, seen = wish.address.text, wish.seen
        kept = self.shelf.keep(wish.key, value, wish.terms)
        if kept is None:
            seen.refused[text] = accounts.too_large(text, value, self.shelf.left, self.shelf.max_bytes)
            return
        seen.kept[text], warning = kept
        if warning:
            seen.warnings[text] = f"{text!r} was {warning}."
        if run.elsewhere:
            seen.warnings[text] = accounts.elsewhere(text)
        elif isinstance(run.module, torch.jit.ScriptModule):
            seen.warnings[text] = accounts.by_hook(text)
        if wish.terms.attached:
            seen.marks[text] = versions(value)
        if wish.retain:
            for _, tensor in tensors(value):
                if tensor.requires_grad and not tensor.is_leaf:
                    tensor.retain_grad()

    def _enough(self) -> None:
        if self._until is None or not self.watch.here:
            return
        while self._pending and (self._pending[-1] in self._until or self._pending[-1] in self._until.refused):
            self._pending.pop()
        if not self._pending:
            raise Enough

    def _name(self, run: Running) -> str:
        return self.watch.names[run.module] + (f"@{run.call}" if run.call > 0 else "")

    def _list(self, name: str, kind: str, output: Any, *, of_function: bool = False) -> None:
        if self.sites is not None:
            self.sites += [
                Site(name + suffix, kind, tuple(t.shape), t.dtype, t.numel() * t.element_size(), of_function)
                for suffix, t in tensors(output)
            ]

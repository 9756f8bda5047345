"""Something an agent acts in: it has sizes like any data set, but no examples to index."""

from collections.abc import Mapping, Sequence
from typing import Any, Never

from torch import Tensor

from workbench.core.batch import Batch
from workbench.core.errors import DataError
from workbench.core.optional import need
from workbench.data.contract import Card, Field, Kind, Role


class Environment:
    """Makes fresh gymnasium environments with a flat observation and numbered actions."""

    kind: Kind = "environment"
    target: Role = "reward"

    def __init__(
        self,
        *,
        name: str,
        id: str,  # noqa: A002 - gymnasium's own name for it
        card: Card,
        observations: Sequence[str],
        actions: Sequence[str],
        library: str = "gymnasium",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Name an environment.

        Args:
            name: Of the data set.
            id: As ``gymnasium.make`` knows it.
            card: What a person should know about it.
            observations: Names of the numbers an agent sees.
            actions: Names of the choices it has.
            library: Module that registers the environment.
            options: Passed to ``gymnasium.make``.
        """
        self.name, self.id, self.card, self.library = name, id, card, library
        self.options = dict(options or {})
        self.inputs: Sequence[Field] = (
            Field(name="observation", kind="environment", shape=(len(observations),), labels=tuple(observations)),
        )
        self.answer: Field | None = Field(name="action", kind="reward", shape=(), labels=tuple(actions))
        self.sizes: Mapping[str, int] = {"observations": len(observations), "actions": len(actions)}
        self.splits: Sequence[str] = ("train",)

    def __repr__(self) -> str:
        return f"<{self.name}: environment {self.id}; {dict(self.sizes)}>"

    def make(self, **options: Any) -> Any:
        """A new gymnasium environment; reset it with a seed of your own.

        Args:
            **options: Passed to ``gymnasium.make`` on top of the data set's own, ``render_mode`` for example.
        """
        need(self.library, extra="agents", purpose=f"for {self.name}")
        gymnasium = need("gymnasium", extra="agents", purpose=f"for {self.name}")
        made = gymnasium.make(self.id, **(self.options | options))
        flat = isinstance(made.observation_space, gymnasium.spaces.Box) and len(made.observation_space.shape) == 1
        return made if flat else gymnasium.wrappers.FlattenObservation(made)

    def size(self, split: str) -> int:  # noqa: ARG002 - the contract's signature
        """None: an agent makes its own examples."""
        return 0

    def batch(self, split: str, index: Tensor) -> Batch:  # noqa: ARG002 - the contract's signature
        """There is nothing to index.

        Raises:
            DataError: Always.
        """
        self._refuse()

    def batches(self, split: str, order: Tensor, size: int) -> Sequence[Batch]:  # noqa: ARG002 - a contract
        """There is nothing to index.

        Raises:
            DataError: Always.
        """
        self._refuse()

    def sample_batch(self, n: int, split: str = "train") -> Batch:  # noqa: ARG002 - the contract's signature
        """The first n observations of an agent that always takes the first action, from seed 0."""
        import torch

        env = self.make()
        seen, _ = env.reset(seed=0)
        rows = [torch.as_tensor(seen, dtype=torch.float32).reshape(-1)]
        while len(rows) < n:
            seen, _, ended, cut, _ = env.step(0)
            if ended or cut:
                seen, _ = env.reset()
            rows.append(torch.as_tensor(seen, dtype=torch.float32).reshape(-1))
        env.close()
        return Batch((torch.stack(rows[:n]),))

    def look(self, split: str, i: int) -> str:
        """The observation i steps into an episode, with the names of its numbers."""
        from workbench.data._looks import row

        return row(self.sample_batch(i + 1, split).tensors()[0][i], self.inputs[0].labels)

    def _refuse(self) -> Never:
        raise DataError(f"{self.name} is an environment without examples: fit it with a plan that acts, such as PPO().")

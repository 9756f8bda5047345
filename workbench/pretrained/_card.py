"""ModelCard: what a person should know before using pretrained weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.core.entry import Paper


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Where weights come from and what to mind."""

    title: str
    """one line"""
    source: str
    """who made it"""
    licence: str
    package: str
    """what brings it, with its version"""
    paper: Paper
    sha256: Mapping[str, str] = field(default_factory=dict[str, str])
    """hashes by file name, checked before anything is read"""
    caution: str = ""
    """traps, in a sentence"""

    @property
    def cited(self) -> tuple[Paper, ...]:
        """What to cite."""
        return (self.paper,)

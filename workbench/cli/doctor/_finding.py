"""What a check found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One sentence on the state of one thing."""

    status: Literal["ok", "warn", "fail"]
    """``warn``: something is slower or absent; ``fail``: something cannot work"""
    sentence: str
    cure: str = ""
    """what to type or do; empty where nothing is wrong"""

"""BBC news articles in five topics as word numbers, with the texts beside them."""

from collections.abc import Mapping, Sequence

import torch

from workbench.core.batch import Batch
from workbench.data._arrays import Arrays
from workbench.data._bbc import CARD, TOPICS, articles
from workbench.data._splits import by_seed
from workbench.data._words import encode, vocabulary
from workbench.data.contract import Field


class News(Arrays):
    """Articles as numbers of words; the texts they were are in ``texts``."""

    texts: Mapping[str, Sequence[str]]
    """whole articles by split, in the order of the split"""

    def look(self, split: str, i: int) -> str:
        """The whole article and its topic."""
        topic = TOPICS[int(self.part(split).target[i])]  # type: ignore[index]
        return f"{self.texts[split][i]}\ntopic: {topic}"


def load(length: int = 128, vocab: int = 8000, seed: int = 0) -> News:
    """The first words of each article (0 pads, 1 is an unknown word) and its topic.

    Args:
        length: Words per article.
        vocab: Different words at most, the most frequent of the train split.
        seed: Of the split: 70 % train, 15 % validation, 15 % test.
    """
    texts, topics = articles("bbc_news")
    rows = {split: at.tolist() for split, at in by_seed(len(texts), seed).items()}
    split_texts = {split: [texts[i] for i in at] for split, at in rows.items()}
    known = vocabulary(split_texts["train"], vocab)
    labels = torch.tensor(topics)
    news = News(
        name="bbc_news",
        card=CARD,
        inputs=[Field(name="article", kind="tokens", shape=(length,), labels=known)],
        answer=Field(name="topic", kind="classes", shape=(), labels=TOPICS),
        parts={split: Batch((encode(split_texts[split], known, length),), labels[at]) for split, at in rows.items()},
    )
    news.texts = split_texts
    return news

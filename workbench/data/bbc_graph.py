"""2,107 BBC news articles as a graph: each is joined to the articles whose words are most like its own."""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.core.optional import need
from workbench.core.seeds import generator
from workbench.data._bbc import CARD as NEWS
from workbench.data._bbc import TOPICS, articles
from workbench.data._graph import Graph, few_labels, first_of_each
from workbench.data.contract import Card

CARD = Card(
    title="2,107 BBC news articles, each joined to its nearest by TF-IDF; five topics",
    source=NEWS.source,
    licence=NEWS.licence,
    package=NEWS.package + " and scikit-learn (PyPI)",
    caution=NEWS.caution,
)


def load(neighbours: int = 5, features: int = 64, per_class: int = 4, seed: int = 0) -> Graph:
    """Articles as nodes with the leading singular vectors of their TF-IDF rows as features.

    Words, vectors and edges are of all articles, labels only of a few: the transductive setting.

    Args:
        neighbours: Nearest articles that each is joined to; edges go both ways.
        features: Numbers per article.
        per_class: Labelled articles of each topic; 500 others validate, the rest test.
        seed: Who is labelled.
    """
    texts, topics = articles("bbc_graph")
    y = torch.tensor(topics)
    rows = _rows(features)
    order = torch.randperm(len(y), generator=generator(seed, len(y)))
    return Graph(
        name="bbc_graph",
        card=CARD,
        x=rows,
        edge_index=nearest_edges(rows, neighbours),
        y=y,
        labels=TOPICS,
        masks=few_labels(first_of_each(y, per_class, order), 500, order),
        title=lambda node: f"“{texts[node].splitlines()[0]}”",
    )


@cache
def _rows(features: int) -> Float[Tensor, "nodes features"]:
    """Latent semantic analysis: rows of length one, (texts, features)."""
    texts, _ = articles("bbc_graph")
    words = need("sklearn.feature_extraction.text", extra="data", purpose="for bbc_graph")
    parts = need("sklearn.decomposition", extra="data", purpose="for bbc_graph")
    counts = words.TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2).fit_transform(texts)
    rows = torch.from_numpy(parts.TruncatedSVD(features, random_state=0).fit_transform(counts)).float()
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-9)


def nearest_edges(rows: Float[Tensor, "nodes features"], neighbours: int) -> Int[Tensor, "2 edges"]:
    """Edges between each row and those nearest to it by cosine, both ways, each once, none to itself.

    Args:
        rows: Of length one, (nodes, features).
        neighbours: How many each row asks for.

    Returns:
        From and to (int64) of shape (2, edges), sorted.
    """
    near = (rows @ rows.T).fill_diagonal_(-2).topk(neighbours, dim=1).indices
    start = torch.arange(len(rows)).repeat_interleave(neighbours)
    both = torch.cat([torch.stack([start, near.flatten()]), torch.stack([near.flatten(), start])], dim=1)
    return torch.unique(both, dim=1)

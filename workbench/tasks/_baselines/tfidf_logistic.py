"""Words and pairs of words, weighted by rarity, and logistic regression: what one tries first on text."""

from typing import Any

from workbench.core.optional import need
from workbench.tasks._baselines._choice import best


def tfidf_logistic(data: Any, constants: tuple[float, ...] = (1.0, 10.0, 100.0)) -> float:
    """Test accuracy from the whole texts, also where the networks see only their beginning.

    Args:
        data: A data set of classes with ``texts`` by split.
        constants: Inverse strengths of the penalty to choose from.
    """
    feature_extraction = need(
        "sklearn.feature_extraction.text", extra="data", purpose="for TF-IDF and logistic regression"
    )
    linear_model = need("sklearn.linear_model", extra="data", purpose="for TF-IDF and logistic regression")
    words = feature_extraction.TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    x = {"train": words.fit_transform(data.texts["train"])}
    x |= {split: words.transform(data.texts[split]) for split in ("validation", "test")}
    y = {split: data.part(split).target.numpy() for split in x}
    chosen = best(
        constants,
        lambda c: linear_model.LogisticRegression(C=c, max_iter=2000).fit(x["train"], y["train"]),
        lambda method: float(method.score(x["validation"], y["validation"])),
    )
    return float(chosen.score(x["test"], y["test"]))

"""generation_shap: a planted word, Shapley values by their definition, intervals that hold, and where it fails."""

from itertools import permutations

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.core.errors import ConfigError, DataError
from workbench.interpret import generation_shap
from workbench.interpret.prompting.generation import alike, improving_generation_shap


class Planted(nn.Module):
    """A causal language model: 20 follows where 7 stood before, more so with 5, and 21 where not; the rest is noise."""

    def __init__(self, noise=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(30, 30)
        self.noise = noise

    def forward(self, ids):
        seven, five = ((ids == token).cumsum(1) > 0 for token in (7, 5))
        mean = self.embedding(ids).cumsum(1) / torch.arange(1, ids.size(1) + 1)[:, None]
        logits = self.noise * mean
        logits = logits + 4.0 * (seven[..., None] * nn.functional.one_hot(torch.tensor(20), 30))
        logits = logits + 2.0 * ((seven & five)[..., None] * nn.functional.one_hot(torch.tensor(20), 30))
        return logits + 3.0 * (~seven[..., None] * nn.functional.one_hot(torch.tensor(21), 30))


PROMPT = torch.tensor([3, 7, 4, 5, 6])


def naive(model, prompt, answer, start=0):
    """By the definition: the mean gain over all orders, each prompt run alone."""

    def worth(kept):
        ids = [int(prompt[i]) for i in sorted(kept)] or [start]
        with torch.no_grad():
            logits = model(torch.tensor([ids + answer[:-1]]))[0].log_softmax(-1)
        return sum(float(logits[len(ids) - 1 + j, token]) for j, token in enumerate(answer))

    gains = torch.zeros(len(prompt))
    orders = list(permutations(range(len(prompt))))
    for order in orders:
        for place, i in enumerate(order):
            gains[i] += worth(order[: place + 1]) - worth(order[:place])
    return gains / len(orders)


def test_short_prompts_have_the_shapley_values_of_the_definition():
    model = Planted(noise=1.0)
    found = generation_shap(model, PROMPT, longest=3, start=0)
    answer = [int(token) for token in found.answer.split()]
    assert len(answer) == 3
    assert found.exact
    assert found.runs == 2**5
    assert torch.allclose(found.scores.float(), naive(model, PROMPT, answer), atol=1e-4)
    assert float(found.scores.sum()) == pytest.approx(found.difference, abs=1e-6)


def test_the_planted_words_have_the_score_and_others_have_none():
    found = generation_shap(Planted(), PROMPT, longest=2, start=0)
    assert found.answer == "20 20"
    assert found.scores.argmax() == 1
    assert float(found.scores[3]) > 0.01
    assert float(found.scores[[0, 2, 4]].abs().max()) < 1e-6


def long_prompt():
    return torch.cat([torch.arange(8, 16), torch.tensor([7, 1, 5, 2])])


def test_long_prompts_are_sampled_with_intervals_that_hold():
    model = Planted(noise=1.0)
    exact = generation_shap(model, long_prompt(), answer=[20], start=0, runs=2**12)
    assert exact.exact
    held, widths = [], []
    for seed in range(4):
        found = generation_shap(model, long_prompt(), answer=[20], start=0, runs=400, seed=seed)
        assert not found.exact
        assert found.runs <= 400 + 2
        assert float(found.scores.sum()) == pytest.approx(found.difference, abs=1e-6)
        held.append(((found.scores - exact.scores).abs() <= found.interval + 1e-9).float().mean())
        widths.append(float(found.interval.max()))
    assert float(torch.stack(held).mean()) > 0.85
    more = generation_shap(model, long_prompt(), answer=[20], start=0, runs=4000)
    assert float(more.interval.max()) < 0.6 * min(widths)
    few = generation_shap(model, long_prompt(), answer=[20], start=0, runs=90)
    assert few.relative_error > 0.05
    assert f"known to {few.relative_error:.0%} of the change only" in str(few)
    assert "of the change only" not in str(more)


def test_results_improve_and_the_last_is_the_best():
    results = list(improving_generation_shap(Planted(noise=1.0), long_prompt(), answer=[20], start=0, runs=1000))
    assert len(results) > 2
    assert [r.runs for r in results] == sorted({r.runs for r in results})
    assert float(results[-1].interval.max()) < float(results[0].interval.max())


def test_the_likeness_of_answers_that_are_written_anew_is_the_score_of_the_paper():
    found = generation_shap(Planted(), PROMPT, likeness=alike, longest=2, start=0)
    # With 7 the answer is 20 20, without it 21 21, which has nothing in common with it.
    assert torch.allclose(found.scores, torch.tensor([0, 1.0, 0, 0, 0], dtype=torch.float64), atol=1e-9)
    assert alike([1, 1, 2], [1, 2, 2]) == pytest.approx(4 / 5)
    assert "the likeness to" in str(found)


class Placed(nn.Module):
    """What follows is told by the third token alone."""

    def forward(self, ids):
        third = ids[:, 2:3] if ids.size(1) > 2 else torch.zeros_like(ids[:, :1])
        return 5.0 * nn.functional.one_hot(20 + (third == 7).long(), 30).float().expand(-1, ids.size(1), -1)


def test_words_that_are_left_out_move_the_others_and_get_the_blame():
    """What the first two words are never matters to this model, only that they stand there."""
    found = generation_shap(Placed(), torch.tensor([1, 2, 7]), longest=1, start=0)
    assert torch.allclose(found.scores, torch.full((3,), found.difference / 3, dtype=torch.float64))
    for other in ([8, 9, 7], [11, 11, 7]):
        with torch.no_grad():
            assert int(Placed()(torch.tensor([other]))[0, -1].argmax()) == 21


class Tokenizer:
    """Words as tokens, as a tokenizer gives them."""

    known = ("<s>", "the", "of", "answer", "is", "five", "red", "seven", "a", "b")

    def __call__(self, text, *, add_special_tokens=True):
        ids = [self.known.index(word) for word in text.split()]
        return {"input_ids": [0, *ids] if add_special_tokens else ids}

    def decode(self, ids):
        return " ".join(self.known[i] if i < len(self.known) else f"<{i}>" for i in ids)


def test_words_of_a_text_are_left_out_and_what_stands_around_stays():
    found = generation_shap(Planted(), "the answer  seven is five", Tokenizer(), before="red ", after=" a", longest=1)
    assert found.words == ("the", "answer", "seven", "is", "five")
    assert int(found.scores.argmax()) == 2
    assert found.answer == "<20>"
    given = generation_shap(Planted(), "the seven", Tokenizer(), answer="a b", longest=1)
    assert given.answer == "a b"
    always = generation_shap(Planted(), "the answer", Tokenizer(), before="seven five ", longest=1)
    assert "No word changes the score" in str(always)


def test_answers_end_where_the_model_ends_them():
    model = Planted()
    model.config = type("Config", (), {"eos_token_id": 20, "bos_token_id": 0})()
    assert generation_shap(model, PROMPT, longest=9).answer == "20"


def test_a_transformer_is_asked_as_it_is_and_stays_as_it_was():
    import transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=30, n_embd=16, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2)
    model = transformers.GPT2LMHeadModel(config).train()
    generator = torch.get_rng_state()
    one, other = (generation_shap(model, PROMPT, longest=4) for _ in range(2))
    assert torch.equal(one.scores, other.scores)
    assert torch.equal(generator, torch.get_rng_state())
    assert model.training
    model.eval()
    with torch.no_grad():
        written = model.generate(PROMPT[None], max_new_tokens=4, do_sample=False, attention_mask=torch.ones(1, 5))
    assert one.answer == " ".join(str(int(i)) for i in written[0, 5:])


def test_it_prints_as_a_table_and_escapes_words():
    class Marked(Tokenizer):
        known = ("<s>", "<b>", "of", "x", "is", "five", "red", "seven", "a", "b")

    found = generation_shap(Planted(), "<b> seven", Marked(), longest=1)
    assert str(found).splitlines()[0].split() == ["word", "adds", "±"]
    assert "<b>" not in found._repr_html_()
    assert found.cited[0].arxiv == "2407.10114"


@pytest.mark.parametrize(
    ("prompt", "given", "said"),
    [
        ("a text", {}, "without its tokenizer"),
        ("  ", {"processor": Tokenizer()}, "no words"),
        (torch.tensor([]), {}, "give those of one prompt"),
        (torch.tensor([[1, 2], [3, 4]]), {}, "give those of one prompt"),
        (PROMPT, {"before": "x"}, "give the prompt as text"),
        (PROMPT, {"answer": "a"}, "An answer of text"),
        (PROMPT, {"answer": []}, "no tokens"),
        (PROMPT, {}, "give start="),
    ],
)
def test_what_does_not_fit_is_one_sentence(prompt, given, said):
    with pytest.raises(DataError, match=said):
        generation_shap(Planted(), prompt, **given)


def test_a_model_that_tells_no_next_token_is_one_sentence():
    class Pooled(Planted):
        def forward(self, ids):
            return super().forward(ids)[:, -1]

    with pytest.raises(DataError, match="a language model returns"):
        generation_shap(Pooled(), PROMPT, start=0)
    with pytest.raises(ConfigError, match="runs=0"):
        generation_shap(Planted(), PROMPT, runs=0)


@pytest.mark.slow
def test_a_real_language_model_names_the_word_that_decides():
    model, tokenizer = wb.load("smollm2")
    found = generation_shap(model, "The capital of France is", tokenizer, longest=1)
    assert "Paris" in found.answer
    assert found.words[int(found.scores.argmax())] == "France"

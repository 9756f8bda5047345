"""Networks of transformers, made tiny from their configurations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

BATCH, LENGTH, VOCABULARY, SIDE = 3, 10, 120, 64
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
WIDE = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4}
SEQUENCES = {**WIDE, "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
TEXT = {"vocab_size": VOCABULARY, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
SEEN = {"image_size": SIDE, "patch_size": 16}


@dataclass(frozen=True)
class Recipe:
    """A class of transformers with its configuration."""

    kind: str
    model: str
    config: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: str = ""
    """name in ``INPUTS``; empty for the usual one of the kind"""


INPUTS = {
    "text": lambda: {"input_ids": words(), "attention_mask": torch.ones(BATCH, LENGTH, dtype=torch.long)},
    "two texts": lambda: {"input_ids": words(), "decoder_input_ids": words()[:, :6]},
    "picture": lambda: {"pixel_values": scene(SIDE)},
    "large picture": lambda: {"pixel_values": scene(2 * SIDE)},
    "sound": lambda: {"input_values": waves(3200)},
    "spectrum": lambda: {"input_features": torch.randn(BATCH, 16, 64), "decoder_input_ids": words()[:, :4]},
    "spectrogram": lambda: {"input_values": torch.randn(BATCH, 64, 16)},
    "series": lambda: {"past_values": waves(32)[..., None] * torch.tensor([1.0, -0.5])},
    "picture and text": lambda: {"input_ids": words(), "pixel_values": scene(SIDE)},
}


def words() -> Tensor:
    """Tokens that are no special ones."""
    return torch.randint(5, VOCABULARY, (BATCH, LENGTH))


def scene(side: int) -> Tensor:
    """Pictures with something smooth in them and noise."""
    line = torch.linspace(-2, 2, side)
    across, down = torch.randn(2, BATCH, 3, 1, 1)
    blobs = torch.exp(-((line[:, None] - down) ** 2) - (line - across) ** 2)
    return 2 * blobs - 0.5 + 0.1 * torch.randn(BATCH, 3, side, side)


def waves(length: int) -> Tensor:
    """Sums of two sines and noise."""
    time, tones = torch.linspace(0, 1, length), torch.rand(BATCH, 2, 1) * 20 + 2
    return torch.sin(2 * torch.pi * tones * time).sum(1) + 0.1 * torch.randn(BATCH, length)


RECIPES = {
    "bert": Recipe("text", "BertForSequenceClassification", "BertConfig", SMALL),
    "roberta": Recipe("text", "RobertaForTokenClassification", "RobertaConfig", SMALL),
    "distilbert": Recipe(
        "text",
        "DistilBertForQuestionAnswering",
        "DistilBertConfig",
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    ),
    "albert": Recipe("text", "AlbertForSequenceClassification", "AlbertConfig", {**SMALL, "embedding_size": 16}),
    "deberta-v2": Recipe(
        "text",
        "DebertaV2ForSequenceClassification",
        "DebertaV2Config",
        {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    ),
    "fnet": Recipe("text", "FNetForSequenceClassification", "FNetConfig", SMALL),
    "xlnet": Recipe(
        "text",
        "XLNetForSequenceClassification",
        "XLNetConfig",
        {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    ),
    "gpt2": Recipe("text", "GPT2LMHeadModel", "GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
    "llama": Recipe("text", "LlamaForCausalLM", "LlamaConfig", {**SMALL, "num_key_value_heads": 2}),
    "mistral": Recipe(
        "text", "MistralForCausalLM", "MistralConfig", {**SMALL, "num_key_value_heads": 2, "sliding_window": 4}
    ),
    "mixtral": Recipe(
        "text", "MixtralForCausalLM", "MixtralConfig", {**SMALL, "num_key_value_heads": 2, "num_local_experts": 4}
    ),
    "mamba": Recipe(
        "text", "MambaForCausalLM", "MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
    ),
    "bart": Recipe("text", "BartForConditionalGeneration", "BartConfig", SEQUENCES, "two texts"),
    "t5": Recipe(
        "text",
        "T5ForConditionalGeneration",
        "T5Config",
        {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 1},
        "two texts",
    ),
    "vit": Recipe("picture", "ViTForImageClassification", "ViTConfig", {**SMALL, **SEEN}),
    "swin": Recipe(
        "picture",
        "SwinForImageClassification",
        "SwinConfig",
        {"image_size": SIDE, "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4], "window_size": 4},
    ),
    "convnext": Recipe(
        "picture",
        "ConvNextForImageClassification",
        "ConvNextConfig",
        {"image_size": SIDE, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    ),
    "resnet": Recipe(
        "picture",
        "ResNetForImageClassification",
        "ResNetConfig",
        {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
    ),
    "segformer": Recipe(
        "picture",
        "SegformerForSemanticSegmentation",
        "SegformerConfig",
        {
            "hidden_sizes": [8, 16, 24, 32],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 2, 4],
            "decoder_hidden_size": 16,
        },
    ),
    "yolos": Recipe(
        "picture",
        "YolosForObjectDetection",
        "YolosConfig",
        {**SMALL, "image_size": [SIDE, SIDE], "patch_size": 16, "num_detection_tokens": 5},
    ),
    "clip": Recipe(
        "picture",
        "CLIPModel",
        "CLIPConfig",
        {"text_config": {**SMALL, **TEXT}, "vision_config": {**SMALL, **SEEN}, "projection_dim": 16},
        "picture and text",
    ),
    "wav2vec2": Recipe(
        "sound",
        "Wav2Vec2ForCTC",
        "Wav2Vec2Config",
        {
            **SMALL,
            "conv_dim": [16] * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
            "vocab_size": 20,
        },
    ),
    "spectrogram transformer": Recipe(
        "sound",
        "ASTForAudioClassification",
        "ASTConfig",
        {**SMALL, "num_mel_bins": 16, "max_length": 64, "patch_size": 8, "frequency_stride": 8, "time_stride": 8},
        "spectrogram",
    ),
    "whisper": Recipe(
        "sound",
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        {**SEQUENCES, "num_mel_bins": 16, "max_source_positions": 32, "decoder_start_token_id": 2},
        "spectrum",
    ),
    "patchtst": Recipe(
        "series",
        "PatchTSTForPrediction",
        "PatchTSTConfig",
        {
            "d_model": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "context_length": 32,
            "patch_length": 4,
            "patch_stride": 4,
            "num_input_channels": 2,
            "prediction_length": 4,
        },
    ),
    "patchtsmixer": Recipe(
        "series",
        "PatchTSMixerForPrediction",
        "PatchTSMixerConfig",
        {
            "d_model": 16,
            "num_layers": 2,
            "context_length": 32,
            "patch_length": 4,
            "patch_stride": 4,
            "num_input_channels": 2,
            "prediction_length": 4,
        },
    ),
}


def made(recipe: Recipe) -> tuple[nn.Module, Any, dict[str, Any]]:
    """A network with random weights, and what it is called with."""
    import transformers

    settings = {**(TEXT if recipe.kind == "text" or recipe.inputs == "spectrum" else {}), **recipe.settings}
    kinds: Any = transformers
    model = getattr(kinds, recipe.model)(getattr(kinds, recipe.config)(**settings)).eval()
    spread(model)
    return model, INPUTS[recipe.inputs or recipe.kind](), {}


def spread(model: nn.Module) -> None:
    """Weights wide enough that the network is far from linear; the usual ones keep a small one nearly constant."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and parameter.is_floating_point():
                std, wide = float(parameter.std()), parameter[0].numel() ** -0.5
                if 0 < std < wide:
                    parameter.mul_(wide / std)

"""What needs a CUDA device: placing, training, resuming and observing there."""

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.core import device as devices
from workbench.core.errors import ConfigError

gpu = pytest.mark.gpu
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 8, generator=generator)
    return wb.data.of((x, (x[:, 0] > 0).long()))


@gpu
@needs_gpu
def test_auto_is_the_gpu_and_training_there_learns():
    run = wb.fit(nn.Linear(8, 2), data(), epochs=20)
    assert next(run.model.parameters()).is_cuda
    steps, losses = run.history.column("train", "loss")
    assert losses[-1] < losses[0]
    assert len(steps) == len(losses)


@gpu
@needs_gpu
def test_a_tap_reads_values_of_a_model_on_the_gpu():
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU()).cuda()
    with wb.tap(model) as tap:
        seen = tap.read("1")
        wb.call(model, torch.randn(3, 8, device="cuda"))
    assert seen["1"].shape == (3, 4)


@gpu
@needs_gpu
def test_half_precision_scales_the_loss():
    run = wb.fit(nn.Linear(8, 2), data(), epochs=5, settings=wb.Settings(precision="float16"))
    assert torch.isfinite(next(run.model.parameters())).all()


def test_a_device_that_is_not_there_is_one_sentence():
    with pytest.raises(ConfigError, match="is no device"):
        devices.pick("gpu please")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="sees no CUDA device"):
            devices.pick("cuda")
    assert devices.pick("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")

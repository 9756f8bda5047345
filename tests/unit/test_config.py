"""Config: every mistake is one sentence that names the field and what is allowed."""

import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SerializeAsAny

from workbench.core.config import Chosen, Config, sized_by
from workbench.core.errors import ConfigError
from workbench.objectives import Adversarial, Supervised
from workbench.train.contract import Objective
from workbench.train.settings import SGD, AdamW, Muon, Optimiser, Settings


class Inner(Config):
    rate: float = Field(default=0.5, ge=0, le=1)
    """share kept"""


class Outer(Config):
    width: int = Field(default=8, ge=1, le=64, json_schema_extra={"data": "features"})
    """neurons"""
    kind: Literal["a", "b"] = "a"
    """which"""
    inner: Inner = Inner()
    """nested"""


class Holder(Config):
    plan: SerializeAsAny[Objective] = Supervised()
    """one of several"""


def test_unknown_key_gives_the_nearest_name():
    with pytest.raises(ConfigError, match=r"Outer has no setting 'widht'\. Did you mean 'width'\?"):
        Outer(widht=3)


def test_out_of_range_names_field_range_and_value():
    with pytest.raises(ConfigError, match=r"Outer\.width: input should be less than or equal to 64; got 65\."):
        Outer(width=65)


def test_every_mistake_is_told_at_once():
    with pytest.raises(ConfigError) as told:
        Outer(width=0, kind="c", colour=1)
    for part in ("Outer.width", "Outer.kind", "'colour'"):
        assert part in str(told.value)


def test_a_nested_mistake_keeps_its_path():
    with pytest.raises(ConfigError, match=r"Inner has no setting 'rat'\. Did you mean 'rate'\?"):
        Outer(inner=Inner(rat=1))
    with pytest.raises(ConfigError, match=r"Outer\.inner"):
        Outer(inner={"rate": 2})


@pytest.mark.parametrize("value", [math.inf, math.nan, -1])
def test_what_is_no_share_is_refused(value):
    with pytest.raises(ConfigError, match=r"Inner\.rate"):
        Inner(rate=value)


def test_frozen_and_but():
    config = Outer()
    with pytest.raises(ConfigError, match=r"use \.but\(width=3\)"):
        config.width = 3
    assert config.but(width=3).width == 3
    assert config.width == 8
    with pytest.raises(ConfigError, match=r"Outer\.width"):
        config.but(width=99)


def test_the_sentence_beneath_a_field_is_its_help():
    assert Outer.model_fields["width"].description == "neurons"
    assert sized_by(Outer.model_fields["width"]) == "features"
    assert sized_by(Outer.model_fields["kind"]) is None


@given(
    batch_size=st.integers(1, 10_000),
    clip=st.none() | st.floats(1e-6, 1e6),
    optimiser=st.sampled_from([AdamW(lr=0.5), SGD(momentum=0.0), Muon(), AdamW(beta1=0.1)]),
)
def test_json_round_trip_keeps_the_class_of_one_of_several(batch_size, clip, optimiser):
    settings = Settings(batch_size=batch_size, clip=clip, optimiser=optimiser)
    again = Settings.from_json(settings.model_dump_json())
    assert again == settings
    assert type(again.optimiser) is type(optimiser)


def test_json_resolves_only_classes_of_the_workbench():
    text = Holder(plan=Adversarial(latent=7)).model_dump_json()
    assert Holder.from_json(text).plan == Adversarial(latent=7)
    foreign = text.replace("workbench.objectives.adversarial:Adversarial", "os:PathLike")
    with pytest.raises(ConfigError, match="not a class of the workbench"):
        Holder.from_json(foreign)
    other = text.replace("workbench.objectives.adversarial:Adversarial", "workbench.train.settings:AdamW")
    with pytest.raises(ConfigError, match="is no Objective"):
        Holder.from_json(other)


def test_broken_json_is_one_sentence():
    with pytest.raises(ConfigError, match="JSON"):
        Settings.from_json("{")


def test_abstract_choice_cannot_be_made_by_accident():
    assert issubclass(AdamW, Optimiser)
    assert isinstance(AdamW(), Chosen)

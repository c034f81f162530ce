"""Configurations: recipes, files, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate import OptionError
from striate.train import Config
from striate.train._config import step_bytes


def test_the_recipe_fills_what_is_not_given() -> None:
    config = Config.make(net="lenet5", data="digits", epochs=3)
    assert (config.epochs, config.shift) == (3, 2)
    assert Config.make(net="lenet5_1998", data="mnist").optimizer == "sgd"


@given(
    st.builds(
        dict,
        epochs=st.integers(1, 10**6),
        lr=st.floats(1e-12, 1e3),
        name=st.none() | st.text(),
        data_dir=st.none() | st.text(),
        flip=st.booleans(),
        input_shape=st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
        checkpoint=st.none() | st.sampled_from(["auto", "512MB", "1.5 GiB"]) | st.integers(1),
        class_weights=st.none() | st.just("balanced") | st.tuples(st.floats(0, 9)),
        net_options=st.dictionaries(st.sampled_from(["width", "in_channels"]), st.integers(1, 9)),
    )
)
def test_toml_gives_the_same_configuration_back(options: dict) -> None:
    config = Config.make(**options)
    assert Config.from_toml(config.to_toml()) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 1}, "there is no option 'learning_rate'"),
        ({"epoch": 1}, "Is it 'epochs'"),
        ({"epochs": 0}, "epochs=0 must be 1 or more"),
        ({"lr": 0.0}, "lr=0.0 must be larger than 0"),
        ({"lr": float("nan")}, "lr=nan must be larger than 0"),
        ({"optimizer": "lbfgs"}, "not one of sgd, adam, adamw"),
        ({"ema": 1.0}, "ema=1.0 must be at least 0 and below 1"),
        ({"checkpoint": "some"}, "checkpoint='some' must be 'auto' or a step's memory: 512MB"),
        ({"checkpoint": "0MB"}, "must be 'auto' or a step's memory"),
        ({"checkpoint": True}, "must be 'auto' or a step's memory"),
        ({"checkpoint": "auto", "engine": "torch"}, "engine='torch' takes none"),
        ({"early_stop": 3}, "needs validation data"),
        ({"class_weights": "equal"}, "must be 'balanced'"),
        ({"epochs": "many"}, "wrong type"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Config.make(**options)


def test_memory_is_read_with_its_unit() -> None:
    told = {"64": 64, "2kB": 2000, "1.5MiB": 3 << 19, "1 GB": 10**9, 7: 7, "auto": "auto"}
    assert {given: step_bytes(given) for given in told} == told


def test_a_file_that_is_no_toml_is_named() -> None:
    with pytest.raises(OptionError, match="is not TOML"):
        Config.from_toml("epochs: 3")

"""The model file: what goes in comes out, bit by bit; what is not a model is refused in one line."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_stm_impurities.core.errors import ModelError, StmError
from napari_stm_impurities.impurities.model import (
    Calibration,
    Model,
    ModelConfig,
    load_model,
    shipped_models,
)
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig, wang2020_input, wang2020_network
from napari_stm_impurities.nn.device import choose_device
from napari_stm_impurities.nn.model_file import HEADER_KEY, StoredModel
from napari_stm_impurities.nn.model_file import ModelConfig as AnyModelConfig

TINY = ModelConfig(
    name="tiny",
    network=NetworkConfig.of(channels=(4, 6), convolutions=(1, 1), key_channels=2),
    inputs=InputConfig(tile_px=32, halo_px=16),
    calibration=Calibration(slope=1.7, intercept=-0.3, threshold=0.42, f1=0.9),
    training={"epochs_done": 3, "windows": {"kind": "friedel"}},
)


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    made = Model(TINY)
    made.network.train()
    # the statistics of the normalisation belong to the model too
    made.network(torch.randn(2, 3, 2, 16, 16))
    made.network.eval()
    return made


@pytest.fixture
def path(model, tmp_path) -> Path:
    return model.save(tmp_path / "tiny.safetensors")


def predict(model: Model) -> torch.Tensor:
    shown = torch.randn(1, 3, 2, 20, 24, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        out = model.network(shown)
    return torch.cat([out.score[:, None], out.offsets_px], 1)


def test_a_saved_model_gives_the_same_scores_bit_for_bit(model, path):
    loaded = Model.load(path)
    assert torch.equal(predict(loaded), predict(model))
    assert loaded.config == model.config
    assert loaded.threshold == 0.42
    assert not loaded.network.training


def test_loading_leaves_the_global_generator_alone(path):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    Model.load(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_saving_again_gives_the_same_weights(path, tmp_path):
    again = Model.load(path).save(tmp_path / "again.safetensors")
    first, second = load_file(path), load_file(again)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_whole_configuration_travels_as_json_in_the_header(path):
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[HEADER_KEY])
    assert header == TINY.model_dump(mode="json")


@pytest.mark.parametrize(
    ("network", "inputs"), [(NetworkConfig(), InputConfig()), (wang2020_network(), wang2020_input())]
)
def test_the_file_of_each_preset_is_under_5_mb(network, inputs, tmp_path):
    path = Model(ModelConfig(network=network, inputs=inputs)).save(tmp_path / "model.safetensors")
    assert path.stat().st_size < 5_000_000


def test_every_shipped_model_is_under_5_mb_and_calibrated():
    assert "default" in shipped_models()
    for name in shipped_models():
        shipped = load_model(name)
        values = sum(value.numel() * value.element_size() for value in shipped.network.state_dict().values())
        assert values < 5_000_000
        assert shipped.config.calibration.f1 is not None
        assert 0 < shipped.threshold < 1


def no_file(folder: Path, _good: bytes) -> Path:
    return folder / "nowhere.safetensors"


def a_folder(folder: Path, _good: bytes) -> Path:
    (folder / "folder.safetensors").mkdir()
    return folder / "folder.safetensors"


def written(name: str, content: bytes):
    def write(folder: Path, _good: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def cut(share: float):
    def write(folder: Path, good: bytes) -> Path:
        path = folder / "cut.safetensors"
        path.write_bytes(good[: int(share * len(good))])
        return path

    return write


def longer(folder: Path, good: bytes) -> Path:
    path = folder / "longer.safetensors"
    path.write_bytes(good + b"more")
    return path


def foreign(folder: Path, _good: bytes) -> Path:
    save_file({"weight": torch.zeros(3)}, folder / "foreign.safetensors", metadata={"format": "pt"})
    return folder / "foreign.safetensors"


def with_header(text: str):
    def write(folder: Path, _good: bytes) -> Path:
        save_file({"weight": torch.zeros(3)}, folder / "header.safetensors", metadata={HEADER_KEY: text})
        return folder / "header.safetensors"

    return write


def torch_file(folder: Path, _good: bytes) -> Path:
    torch.save({"weight": torch.zeros(3)}, folder / "model.safetensors")
    return folder / "model.safetensors"


def zip_file(folder: Path, _good: bytes) -> Path:
    with zipfile.ZipFile(folder / "model.safetensors", "w") as archive:
        archive.writestr("a", "b")
    return folder / "model.safetensors"


BAD = {
    "missing": no_file,
    "a folder": a_folder,
    "0 bytes": written("empty.safetensors", b""),
    "7 bytes": written("short.safetensors", b"1234567"),
    "text": written("text.safetensors", b"these are no weights\n" * 100),
    "random bytes": written("noise.safetensors", np.random.default_rng(0).bytes(5000)),
    "a huge header": written("huge.safetensors", (2**62).to_bytes(8, "little") + b"{}"),
    "cut in the header": cut(0.02),
    "cut in the middle": cut(0.5),
    "cut at the end": cut(0.999),
    "too long": longer,
    "of another program": foreign,
    "torch.save": torch_file,
    "zip": zip_file,
    "no JSON": with_header("{not json\nat all"),
    "JSON, but a list": with_header("[1, 2, 3]"),
    "an unknown field": with_header(json.dumps({"name": "x", "colour": "red"})),
    "a value out of bounds": with_header(json.dumps({"calibration": {"threshold": 7}})),
    "no layers": with_header(json.dumps({"network": {"channels": [-3], "convolutions": [1]}})),
    "other weights": with_header(TINY.model_dump_json()),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_a_model_is_refused_in_one_line(kind, path, tmp_path):
    bad = BAD[kind](tmp_path, path.read_bytes())
    with pytest.raises(ModelError) as caught:
        load_model(bad)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 400
    assert text.startswith(str(bad))


def test_weights_of_another_network_are_refused_in_one_line(model, tmp_path):
    weights = dict(model.network.state_dict())
    other = model.config.model_copy(update={"network": NetworkConfig.of(channels=(5, 6), convolutions=(1, 1))})
    save_file(weights, tmp_path / "mixed.safetensors", metadata={HEADER_KEY: other.model_dump_json()})
    with pytest.raises(ModelError, match="weights do not fit") as caught:
        load_model(tmp_path / "mixed.safetensors")
    assert "\n" not in str(caught.value)


class _Payload:
    """What would write a file if anybody unpickled it."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (Path(self.target),))


@pytest.mark.parametrize("how", ["pickle", "torch.save"])
def test_nothing_in_a_pickle_is_ever_run(how, tmp_path):
    target, file = tmp_path / "was-run", tmp_path / "model.safetensors"
    if how == "pickle":
        file.write_bytes(pickle.dumps(_Payload(str(target))))
    else:
        torch.save(_Payload(str(target)), file)
    with pytest.raises(ModelError):
        load_model(file)
    assert not target.exists()
    # the payload itself is alive
    if how == "pickle":
        pickle.loads(file.read_bytes())
        assert target.exists()


def test_saving_is_whole_or_not_at_all(model, path, tmp_path):
    before = path.read_bytes()
    with pytest.raises(StmError, match="does not exist"):
        model.save(tmp_path / "nowhere" / "model.safetensors")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["tiny.safetensors"]
    assert path.read_bytes() == before


def test_a_name_that_is_neither_shipped_nor_a_file_is_told_with_those_that_are():
    with pytest.raises(ModelError, match="default") as caught:
        load_model("nobody")
    assert "\n" not in str(caught.value)


def test_a_model_is_taken_as_it_is(model):
    assert load_model(model) is model


def test_confidence_is_the_logistic_curve_also_far_out():
    calibration = Calibration(slope=2.0, intercept=-1.0)
    score = np.array([-3.0, 0.0, 0.5, 4.0])
    np.testing.assert_allclose(calibration.confidence(score), 1 / (1 + np.exp(-(2 * score - 1))))
    far = calibration.confidence([-1e6, 1e6])
    np.testing.assert_array_equal(far, [0.0, 1.0])


@pytest.mark.parametrize("values", [{"slope": 0.0}, {"slope": -1.0}, {"threshold": 1.2}, {"threshold": -0.1}])
def test_a_calibration_out_of_bounds_is_refused(values):
    with pytest.raises(StmError, match=next(iter(values))):
        Calibration.of(**values)


def test_a_device_that_is_not_there_is_told_in_one_line():
    assert choose_device("cpu").type == "cpu"
    for name in ("abacus", "cuda:99"):
        with pytest.raises(ModelError, match=name) as caught:
            choose_device(name)
        assert "\n" not in str(caught.value)


class OtherConfig(AnyModelConfig):
    """The configuration of a model of another family."""

    kind: Literal["lines"] = "lines"
    n_features: int = 3


class Other(StoredModel[OtherConfig, torch.nn.Linear]):
    """A model of another family."""

    kind = "lines"
    config_type = OtherConfig

    @classmethod
    def build(cls, config: OtherConfig) -> torch.nn.Linear:
        return torch.nn.Linear(config.n_features, 1)


def test_a_model_of_another_family_is_saved_loaded_and_not_mistaken(tmp_path):
    path = Other(OtherConfig(name="one", n_features=5)).save(tmp_path / "lines.safetensors")
    assert Other.load(path).network.in_features == 5
    with pytest.raises(ModelError, match="expected a model of the kind 'impurities', found one of the kind 'lines'"):
        load_model(path)
    impurities = Model(TINY).save(tmp_path / "impurities.safetensors")
    with pytest.raises(ModelError, match="found one of the kind 'impurities'"):
        Other.load(impurities)


def test_a_file_of_the_first_release_says_no_kind_and_is_of_impurities(tmp_path):
    header = json.loads(TINY.model_dump_json())
    del header["kind"]
    weights = Model(TINY).network.state_dict()
    save_file(weights, tmp_path / "old.safetensors", metadata={HEADER_KEY: json.dumps(header)})
    assert load_model(tmp_path / "old.safetensors").config == TINY

"""A model that can be worked out by hand, so that finding is tested apart from any training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from napari_stm_impurities.impurities.model import Calibration, Model, ModelConfig
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig


@pytest.fixture
def bright_model() -> Callable[..., Model]:
    """Give a function that makes a model whose score is the mean over the biases of what is bright in each map."""

    def make(*, structure: bool = False, **inputs: object) -> Model:
        config = ModelConfig(
            name="bright",
            network=NetworkConfig.of(
                channels=(1,),
                convolutions=(1,),
                batch_norm=False,
                attention="off",
                value_channels=1,
                offsets=False,
                structure=structure,
            ),
            inputs=InputConfig.of(**{"scaling": "unit_range", "measured_channel": False, "halo_px": 8, **inputs}),
            # what reaches a third of the brightest spot is as likely as not
            calibration=Calibration(slope=12.0, intercept=-4.0, threshold=0.5, f1=0.9),
        )
        model = Model(config)
        with torch.no_grad():
            for parameter in model.network.parameters():
                parameter.zero_()
            model.network.encoder[0][0].weight[0, 0, 1, 1] = 1
            model.network.attention[0].value.weight.fill_(1)
            model.network.projection.weight.fill_(1)
            if structure:  # where it is bright, there is structure too
                model.network.projection.weight[-1] = 12
                model.network.projection.bias[-1] = -4
        return model

    return make

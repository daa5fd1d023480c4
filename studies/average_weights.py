"""The mean of the weights of two models, of which the second was trained on from the first.

    python studies/average_weights.py FIRST.safetensors SECOND.safetensors -o MEAN.safetensors

A training that goes on from a model on other windows gains on these and loses elsewhere; the mean of both lies on the
line between them and keeps most of both (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, with equal
weights). The result has the make and the inputs of the second model and no calibration: studies/calibration.py gives it
one. An output that the first model lacks is the second one's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_stm_impurities.impurities.model import Calibration, Model
from napari_stm_impurities.impurities.network import load_weights


def average(first: Model, second: Model) -> Model:
    """The model with the mean of both weights, without a calibration."""
    mean = Model(second.config.model_copy(update={"calibration": Calibration()}))
    # outputs that the first model lacks stay those of the second one
    mean.network.load_state_dict(second.network.state_dict())
    load_weights(mean.network, first.network)
    other = second.network.state_dict()
    weights = {
        name: (value + other[name]) / 2 if value.is_floating_point() else other[name]
        for name, value in mean.network.state_dict().items()
    }
    mean.network.load_state_dict(weights)
    return mean


def main() -> None:
    """Average two model files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    average(Model.load(options.first), Model.load(options.second)).save(options.output)


if __name__ == "__main__":
    main()

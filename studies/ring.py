"""Learn what a ring looks like: the small network by which k is read off the Fourier transform of a map.

    python studies/ring.py [--maps 12000] [--epochs 30] [-o src/napari_stm_impurities/qpi/ring_classifier.npz]

Each map is simulated by exact scattering, with one k, or holds none: noise of each kind, a texture, spots. What is kept
of it is its radial spectrum. The network says at each frequency how likely the ring lies there, or that there is none;
it is made to give the true place a high probability. An eighth of the maps is held out, for the numbers that are
printed. The map of seed n is the same whatever else is simulated.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.files import written_whole
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.qpi.ring_classifier import FEWEST_WIDTHS, STEP, ring_inputs
from napari_stm_impurities.qpi.spectrum import RadialSpectrum, radial_spectrum
from napari_stm_impurities.simulation.artefacts import TRAINING_ARTEFACTS
from napari_stm_impurities.simulation.artefacts.white_noise import WhiteNoise
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.scattering_windows import scattering_windows

_ROOT = Path(__file__).resolve().parents[1]
FIRST_SEED = 1_000_000
#: The share of maps that hold no electron wave, besides those simulated without an impurity.
BLANK_SHARE = 0.15
_CHANNELS, _TAPS, _LAYERS = 20, 5, 5
_NEVER = -30.0
#: Variance of a noise spectrum's logarithm, times the frequency in widths of the finest feature (measured).
_NOISE_VARIANCE = 0.9
#: The median of a noise spectrum over its mean.
_MEDIAN_OF_NOISE = 0.69


class Example(NamedTuple):
    """The spectrum of one map, and the k that it was made with in radians a pixel; 0 where there is no ring."""

    spectrum: RadialSpectrum
    k_rad_per_px: float


def blank(side: int, draw: np.random.Generator) -> np.ndarray:
    """A map without any electron wave."""
    white = draw.normal(size=(side, side))
    kind = draw.integers(6)
    if kind == 0:
        return white
    if kind == 1:
        return white + draw.uniform(0.5, 3) * draw.normal(size=(side, 1))
    if kind == 2:
        q = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
        q[0, 0] = 1 / side
        return np.fft.irfft2(np.fft.rfft2(white) * q ** (-draw.uniform(0.3, 3) / 2), s=(side, side))
    if kind == 3:
        return ndimage.gaussian_filter(white, draw.uniform(0.5, 4))
    if kind == 4:
        smooth = ndimage.gaussian_filter(white, draw.uniform(0.5, 4))
        return smooth / smooth.std() + 10 ** draw.uniform(-3, 0) * draw.normal(size=(side, side))
    n = int(10 ** draw.uniform(0.7, 2.3))
    spots = np.zeros((side, side))
    np.add.at(spots, tuple(draw.integers(0, side, (2, n))), draw.uniform(0.5, 1.5, n))
    spots = ndimage.gaussian_filter(spots, draw.uniform(0.5, 3))
    return spots / spots.std() + 10 ** draw.uniform(-2, 0) * draw.normal(size=(side, side))


def example(seed: int) -> Example | None:
    """One map's spectrum; None where no impurity stands in the frame, though some do outside."""
    draw = np.random.default_rng([seed, 77])
    side = int(np.exp(draw.uniform(np.log(48), np.log(150))))
    # three crests in the frame at least
    k = float(np.exp(draw.uniform(np.log(max(0.15, 3.2 * np.pi / side)), np.log(1.4))))
    if draw.random() < BLANK_SHARE:
        return Example(radial_spectrum(make_stack(blank(side, draw), 0.0, 1.0)), 0.0)
    # a few scatterers at least, and no more than take long
    least = max(0.004, 4 / (side * k) ** 2)
    most = max(1.2 * least, min(0.06, 70 / (side * k + 8) ** 2) if 0.06 * (side * k + 8) ** 2 > 140 else 0.06)
    config = ScatteringConfig.of(
        side_px=side,
        n_maps=(1, 1),
        k_rad_per_px=(k, 1.0001 * k),
        k_span=(0, 0),
        density_per_k2=(least, most),
        empty_share=0.12,
        margin_per_k=5.0,
        # an empty example has no ripples, and structure would make some
        structures=(),
        phase_shift_rad=(0.25, 2.85),
        artefacts=[WhiteNoise(amplitude=(0.02, 3.0)) if a.kind == "white_noise" else a for a in TRAINING_ARTEFACTS],
    )
    windows = scattering_windows(config, 1, torch.Generator().manual_seed(seed))
    # a window without any impurity holds one far outside, as a placeholder
    empty = bool((windows.yx_px[0, 0] < -5e3).all())
    if not empty and not windows.present.any():
        return None
    return Example(radial_spectrum(make_stack(windows.maps[0].numpy(), 0.0, 1.0)), 0.0 if empty else k)


def noisier(one: Example, draw: np.random.Generator) -> Example:
    """The same map with white noise of up to some ten times its power, as its spectrum shows it."""
    spectrum, ratio = one.spectrum, 10 ** draw.uniform(-1, 1.2)
    rough = draw.normal(size=spectrum.log_power.shape) * np.sqrt(
        _NOISE_VARIANCE * spectrum.resolution_per_nm / spectrum.q_per_nm
    )
    power = np.exp(spectrum.log_power) + _MEDIAN_OF_NOISE * ratio * np.exp(rough)
    return Example(spectrum._replace(log_power=np.log(power) - np.log1p(ratio)), one.k_rad_per_px)


class Batch(NamedTuple):
    """Examples side by side, of the length of the longest.

    Attributes
    ----------
    inputs
        Shape (example, channel, q).
    seen
        Where a ring can lie, shape (example, q).
    place
        Where it lies, a fraction of an index, shape (example,); -1 where there is none.
    """

    inputs: Tensor
    seen: Tensor
    place: Tensor


def batch_of(examples: list[Example]) -> Batch:
    """What the network is shown of examples, and what it should say; a ring beyond the ends is left out."""
    inputs, seen, places = [], [], []
    for spectrum, k in examples:
        log_q, shown = ring_inputs(spectrum)
        place = (np.log(2 * k) - log_q[0]) / STEP if k else -1.0
        if k and not 0 < place < len(log_q) - 1:
            continue
        inputs.append(torch.from_numpy(shown[0].T))
        seen.append(torch.from_numpy(log_q > np.log(FEWEST_WIDTHS * spectrum.resolution_per_nm)))
        places.append(place)
    pad = nn.utils.rnn.pad_sequence
    return Batch(
        pad(inputs, batch_first=True).transpose(1, 2).contiguous(),
        pad(seen, batch_first=True),
        torch.tensor(places, dtype=torch.float32),
    )


def fresh_network() -> nn.Sequential:
    """Convolutions whose taps lie 1, 2, 4, ... places apart, and a projection to the log odds."""
    layers: list[nn.Module] = []
    width = 3
    for layer in range(_LAYERS):
        apart = 2**layer
        layers += [nn.Conv1d(width, _CHANNELS, _TAPS, dilation=apart, padding=apart * (_TAPS // 2)), nn.ReLU()]
        width = _CHANNELS
    projection = nn.Conv1d(width, 1, 1)
    assert projection.bias is not None
    nn.init.constant_(projection.bias, -5.0)
    return nn.Sequential(*layers, projection)


def log_odds(network: nn.Sequential, batch: Batch) -> Tensor:
    """Of a ring at each place against none, shape (example, q)."""
    out: Tensor = network(batch.inputs)[:, 0]
    return out.masked_fill(~batch.seen, _NEVER)


def loss(odds: Tensor, place: Tensor) -> Tensor:
    """The negative log probability of the true place, or of there being none."""
    whole = torch.logaddexp(odds.logsumexp(1), torch.zeros(len(odds)))
    before = place.clamp_min(0).floor().long()
    part = place.clamp_min(0) - before
    after = (before + 1).clamp_max(odds.shape[1] - 1)
    there = (1 - part) * odds.gather(1, before[:, None])[:, 0] + part * odds.gather(1, after[:, None])[:, 0]
    return (whole - torch.where(place >= 0, there, 0.0)).mean()


def learn(batch: Batch, epochs: int, seed: int, batch_size: int = 64) -> nn.Sequential:
    """Train a fresh network."""
    torch.manual_seed(seed)
    network = fresh_network()
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3, weight_decay=1e-3)
    steps = len(batch.place) // batch_size
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * steps, pct_start=0.1)
    draw = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        total = 0.0
        for some in torch.randperm(len(batch.place), generator=draw)[: steps * batch_size].split(batch_size):
            part = Batch(*(values[some] for values in batch))
            value = loss(log_odds(network, part), part.place)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            rate.step()
            total += float(value.detach()) / steps
        print(f"epoch {epoch + 1} of {epochs}: loss {total:.3f}", flush=True)
    return network


def judged(network: nn.Sequential, batch: Batch) -> dict[str, float]:
    """On maps that it has not learnt from, one map alone: how many rings are seen, and how near."""
    with torch.no_grad():
        odds = log_odds(network, batch)
    ring, sure = batch.place >= 0, odds.logsumexp(1) > 2
    error = ((odds.argmax(1) - batch.place) * STEP).exp().sub(1).abs()[ring & sure]
    return {
        "maps_held_out": len(batch.place),
        "loss": float(loss(odds, batch.place)),
        "rings_seen": float(sure[ring].float().mean()),
        "false_rings": float(sure[~ring].float().mean()),
        "median_error": float(error.median()),
        "within_3_percent": float((error <= 0.03).float().mean()),
        "off_by_10_percent": float((error > 0.1).float().mean()),
    }


def save(network: nn.Sequential, path: Path) -> None:
    """Write the weights as :mod:`napari_stm_impurities.qpi.ring_classifier` reads them."""
    layers = [layer for layer in network if isinstance(layer, nn.Conv1d)]
    arrays = {f"weight{i}": layer.weight.detach().numpy() for i, layer in enumerate(layers)}
    arrays |= {f"bias{i}": layer.bias.detach().numpy() for i, layer in enumerate(layers) if layer.bias is not None}
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def simulated(n: int) -> list[Example]:
    """The examples of the first `n` seeds, each also with more noise."""
    out = []
    for seed in range(FIRST_SEED, FIRST_SEED + n):
        try:
            one = example(seed)
        except StmError:
            # a frame of which too little was measured
            continue
        if one is not None:
            out += [one, noisier(one, np.random.default_rng([seed, 5]))]
        if seed % 1000 == 999:
            print(f"{seed + 1 - FIRST_SEED} maps simulated", flush=True)
    return out


def main() -> None:
    """Simulate, learn, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=12_000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the order of learning")
    parser.add_argument("-o", "--out", type=Path, default=_ROOT / "src/napari_stm_impurities/qpi/ring_classifier.npz")
    parser.add_argument("--json", type=Path, default=_ROOT / "docs" / "results" / "ring.json")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.process_time()
    examples = simulated(wanted.maps)
    # a map and the noisier one like it stay together
    held_out = [one for i, one in enumerate(examples) if i // 2 % 8 == 0]
    learnt = [one for i, one in enumerate(examples) if i // 2 % 8]
    network = learn(batch_of(learnt), wanted.epochs, wanted.seed)
    result = {
        **judged(network, batch_of(held_out)),
        "share_of_rings": float(np.mean([one.k_rad_per_px > 0 for one in learnt])),
        "maps": wanted.maps,
        "epochs": wanted.epochs,
        "processor_minutes": (time.process_time() - begun) / 60,
    }
    print(json.dumps(result, indent=2))
    save(network, wanted.out)
    wanted.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

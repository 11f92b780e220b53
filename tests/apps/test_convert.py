# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.apps.convert import convert
from monai_anomaly.utils import DataError

from ..networks.convert import guided_diffusion_names as names

LEVELS = {"channels": (32, 64), "depth": 1, "attention": (False, True)}


@pytest.fixture
def files(tmp_path):
    torch.save(names.fill(names.unet(1, 2, **LEVELS)), tmp_path / "diffusion.pt")
    torch.save(names.fill(names.encoder(1, 2, **LEVELS, grid=8)), tmp_path / "classifier.pt")
    return tmp_path / "diffusion.pt", tmp_path / "classifier.pt"


def test_writes_weights_and_the_network_they_fit(files, tmp_path):
    model = convert(*files, tmp_path / "new" / "models", num_heads=2, classifier_head_channels=32)
    assert model == tmp_path / "new" / "models" / "model.pt"
    assert sorted(p.name for p in model.parent.iterdir()) == ["model.pt", "network.json"]
    parser = ConfigParser()
    parser.read_config(model.with_name("network.json"))
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(torch.load(model, weights_only=True), strict=True)
    found = network(torch.randn(2, 1, 16, 16), torch.tensor([1, 900]), torch.tensor([0, 1]))
    assert (found["diffusion"].shape, found["classifier"].shape) == ((2, 2, 16, 16), (2, 2))
    assert network.diffusion.middle_block.attention.attn.num_heads == 2
    assert network.classifier.pool.num_heads == 2


def test_names_the_file_that_does_not_fit_and_writes_nothing(files, tmp_path):
    diffusion, classifier = files
    with pytest.raises(DataError, match=r"classifier\.pt: expected a UNet"):
        convert(classifier, diffusion, tmp_path / "out")
    with pytest.raises(DataError, match=r"diffusion\.pt: expected an encoder"):
        convert(diffusion, diffusion, tmp_path / "out")
    with pytest.raises(DataError, match=r"^[^:]*none\.pt: no such file$"):
        convert(diffusion, tmp_path / "none.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("which", "shapes", "message"),
    [
        (
            0,
            names.unet(5, 2, **LEVELS),
            r"n\.pt: expected a denoiser of images, .* found 2 outputs; for a segmentation",
        ),
        (0, names.unet(1, 3, **LEVELS), r"n\.pt: expected a denoiser of images, from 1 channels .* found 3 outputs"),
        (1, names.encoder(1, 1, **LEVELS), r"r\.pt: expected a classifier of at least 2 classes, .* a regressor"),
        (1, names.encoder(3, 2, **LEVELS), r"r\.pt: expected 1 input channels, as .* has, found 3"),
    ],
)
def test_refuses_networks_that_do_not_work_together(files, tmp_path, which, shapes, message):
    torch.save(names.fill(shapes), files[which])
    with pytest.raises(DataError, match=message):
        convert(*files, tmp_path / "out", classifier_head_channels=32)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", [float("nan"), 1])
def test_refuses_weights_that_are_no_real_numbers(files, tmp_path, value):
    weights = torch.load(files[1])
    weights["out.0.bias"] = weights["out.0.bias"].fill_(value) if value != 1 else torch.ones(64, dtype=torch.int64)
    torch.save(weights, files[1])
    with pytest.raises(DataError, match=r"classifier\.pt: expected .* in 1 of \d+ tensors \(out\.0\.bias: "):
        convert(*files, tmp_path / "out", classifier_head_channels=32)


def test_half_precision_is_read_with_a_warning(files, tmp_path):
    torch.save({k: v.half() for k, v in torch.load(files[0]).items()}, files[0])
    with pytest.warns(UserWarning, match=r"diffusion\.pt: weights of float16 were converted to float32") as words:
        model = convert(*files, tmp_path / "out", classifier_head_channels=32)
    assert len(words) == 1 and {v.dtype for v in torch.load(model).values()} == {torch.float32}


def test_a_flipped_bit_is_refused_or_of_no_effect(files, tmp_path):
    def converted(out):
        return torch.load(convert(*files, tmp_path / out, classifier_head_channels=32))

    good, whole, refused = converted("good"), files[1].read_bytes(), 0
    for position in range(0, len(whole), len(whole) // 25):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        files[1].write_bytes(damaged)
        try:
            found = converted(f"{position}")
            assert all(torch.equal(found[k], v) for k, v in good.items()), position
        except DataError as e:
            refused += 1
            assert str(e).startswith(str(files[1]))
    assert refused > 20

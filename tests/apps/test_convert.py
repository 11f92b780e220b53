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
    noise, logits = network(torch.randn(2, 1, 16, 16), torch.tensor([1, 900]), torch.tensor([0, 1]))
    assert (noise.shape, logits.shape) == ((2, 2, 16, 16), (2, 2))
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


def test_refuses_networks_for_different_images(files, tmp_path):
    torch.save(names.fill(names.encoder(3, 2, **LEVELS)), files[1])
    with pytest.raises(DataError, match=r"classifier\.pt: expected 1 input channels, as .* has, found 3"):
        convert(*files, tmp_path / "out")

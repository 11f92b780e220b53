# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.apps import convert_segmentation as module
from monai_anomaly.apps.convert_segmentation import convert_segmentation
from monai_anomaly.networks.convert import convert_unet
from monai_anomaly.utils import DataError

from ..networks.convert import guided_diffusion_names as names

TINY = {"inp": 3, "out": 2, "channels": (32, 64), "depth": 1, "attention": (False, True), "classes": None}


def save(folder: Path, **other: object) -> Path:
    file = folder / "emasavedmodel_0.9999_060000.pt"
    torch.save(names.fill(names.unet(**TINY | other)), file)
    return file


@pytest.mark.parametrize("outputs", [1, 2])
def test_writes_weights_and_the_network_they_fit(tmp_path: Path, outputs: int) -> None:
    file = save(tmp_path, out=outputs)
    model = convert_segmentation(file, tmp_path / "new" / "models", num_heads=2)
    assert model == tmp_path / "new" / "models" / "model.pt"
    assert sorted(p.name for p in model.parent.iterdir()) == ["model.pt", "network.json"]
    parser = ConfigParser()
    parser.read_config(model.with_name("network.json"))
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(torch.load(model, weights_only=True), strict=True)
    assert network.diffusion.middle_block.attention.attn.num_heads == 2
    assert network.mask_range == (0, 1) and network.prediction == "epsilon"
    assert parser.get_parsed_content("intensity_range") == [0, 1]
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert network(x, torch.tensor([1, 900])).shape == (2, outputs, 16, 16)
        assert network(x[:, :2]).shape == (2, 1, 16, 16)  # the mask is put behind the image


def test_the_published_model_has_the_parameters_of_the_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def published(path: Path, convert: object, **options: int) -> tuple:
        return convert_unet(names.fill(names.unet(inp=5, out=2, classes=None), "meta"), **options)

    written = {}
    monkeypatch.setattr(module, "read_checkpoint", published)
    monkeypatch.setattr(module, "write_network", lambda out, config, parts: written.update(config))
    convert_segmentation(tmp_path / "file.pt", tmp_path)
    with torch.device("meta"):
        network = ConfigParser(json.loads(json.dumps(written))).get_parsed_content("network_def")
    assert sum(p.numel() for p in network.parameters()) == 113_674_370


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"classes": 2}, r"60000\.pt: expected a segmentation model, without classes, found one with 2$"),
        ({"inp": 4, "out": 8}, r"60000\.pt: expected a segmentation model, .* found 4 inputs and 8 outputs$"),
        ({"inp": 1}, r"60000\.pt: expected a segmentation model, .* found 1 inputs and 2 outputs$"),
        ({"scale_shift": True}, r"60000\.pt: this UNet uses scale-shift"),
    ],
)
def test_a_checkpoint_of_something_else_is_named_and_nothing_written(
    tmp_path: Path, other: dict[str, object], message: str
) -> None:
    file = save(tmp_path, **other)
    with pytest.raises(DataError, match=message):
        convert_segmentation(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^[^:]*none\.pt: no such file$"):
        convert_segmentation(tmp_path / "none.pt", tmp_path / "out")
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(DataError, match=r"text\.pt: expected a PyTorch checkpoint"):
        convert_segmentation(tmp_path / "text.pt", tmp_path / "out")

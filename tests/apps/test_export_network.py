# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from monai_anomaly.apps.export_network import export_network
from monai_anomaly.utils import DataError
from tests.bundles.workflow import BUNDLES, merged, write_random_weights


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_the_program_of_torch_gives_what_the_network_gives(bundle: Path, tmp_path: Path) -> None:
    """For any number of images; the command compares too, this test by itself."""
    write_random_weights(bundle, tmp_path / "model.pt")
    export_network(bundle.name, tmp_path / "network.pt2", ckpt_dir=tmp_path)
    parser = merged(bundle, "inference")
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    channels, size = len(parser["channel_names"]), parser.get_parsed_content("spatial_size")
    image = torch.rand(3, channels, *size) * 2 - 1
    with torch.no_grad():
        wanted, found = network(image), torch.export.load(tmp_path / "network.pt2").module()(image)
    assert wanted.abs().max() > 0
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["descargan", "l2i_classification"])
def test_onnx(name: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    write_random_weights(name, tmp_path / "model.pt")
    export_network(name, tmp_path / "network.onnx", ckpt_dir=tmp_path)  # an error where it differs
    session = onnxruntime.InferenceSession(str(tmp_path / "network.onnx"), providers=["CPUExecutionProvider"])
    assert isinstance(session.get_inputs()[0].shape[0], str)  # any number of images


def test_what_does_not_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"a\.ts: expected a file ending in \.pt2 or \.onnx, found \.ts"):
        export_network("descargan", tmp_path / "a.ts")
    with pytest.raises(DataError, match=r"model\.pt: expected weights to export, found no such file"):
        export_network("descargan", tmp_path / "a.pt2", ckpt_dir=tmp_path)
    for name in ("onnx", "onnxscript", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match=r"a\.onnx: ONNX needs packages that are not here; pip install onnx"):
        export_network("descargan", tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())

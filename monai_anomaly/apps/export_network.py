# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.utils import optional_import

from ..networks.weights import load_weights
from ..utils import DataError, atomic_path, read_json, weights_folder
from .find_bundle import find_bundle

__all__ = ["export_network"]

TOLERANCE = 1e-4
"""Largest difference to the network, as a share of its largest value."""
Network = Callable[[np.ndarray], np.ndarray]


def export_network(bundle: str, out: str | os.PathLike, ckpt_dir: str | os.PathLike | None = None) -> None:
    """Write a bundle's network for programs without this package: of torch (.pt2) or ONNX (.onnx), for any batch size.

    Examples:
        monai-anomaly export-network descargan descargan.onnx
        monai-anomaly export-network l2i_classification classifier.pt2 --ckpt_dir my/weights

    What is exported is the network's own image -> result, as the metadata describes it: of descargan the map of one
    view, of l2i_classification the logits; of the diffusion bundles one evaluation of the network, not what the bundle
    finds. The file is read back and compared with the network before it gets its name.

    Args:
        bundle: its name or folder.
        out: file ending in .pt2, for torch.export.load, or .onnx, which needs the packages onnx, onnxscript and
            onnxruntime.
        ckpt_dir: folder of the weights; by default those of your training, or else those that the bundle comes with.

    Raises:
        DataError: there is no such bundle or weights, a package is missing, or what was written differs.
    """
    target, folder = Path(out).expanduser(), find_bundle(bundle)
    if target.suffix not in (".pt2", ".onnx"):
        raise DataError(f"{target}: expected a file ending in .pt2 or .onnx, found {target.suffix or 'no ending'}")
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if not optional_import(name)[1]]
    if missing and target.suffix == ".onnx":
        raise DataError(f"{target}: ONNX needs packages that are not here; pip install {' '.join(missing)}")
    weights = Path(weights_folder(str(folder)) if ckpt_dir is None else ckpt_dir) / "model.pt"
    if not weights.is_file():
        raise DataError(f"{weights}: expected weights to export, found no such file; train the bundle first")
    parser = ConfigParser()
    parser.read_config(folder / "configs" / "inference.json")
    network = parser.get_parsed_content("network_def").eval()
    load_weights(network, weights, strict=True)
    image = _example(parser, folder)
    with atomic_path(target) as temporary:
        exported = (_to_pt2 if target.suffix == ".pt2" else _to_onnx)(network, image, temporary)
        with torch.no_grad():
            one = image[:1].repeat(3, *[1] * (image.ndim - 1))  # another batch size
            wanted = [network(x).numpy() for x in (image, one)]
        found = [exported(x.numpy()) for x in (image, one)]
        scale = max(float(np.abs(value).max()) for value in wanted) or 1.0
        error = max(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True)) / scale
        if not error <= TOLERANCE:
            raise DataError(f"{target}: expected the results of the network, found ones that differ by {error:.2g}")
    print(f"{target}: images (N, {', '.join(map(str, image.shape[1:]))}), differs by {error:.1g} of the largest value")


def _example(parser: ConfigParser, folder: Path) -> torch.Tensor:
    """Two images as the network takes them, within the range of the metadata."""
    about = read_json(folder / "configs" / "metadata.json")["network_data_format"]["inputs"]["image"]
    low, high = about["value_range"] or (0.0, 1.0)
    size = parser.get_parsed_content("spatial_size")
    generator = torch.Generator().manual_seed(0)
    return low + (high - low) * torch.rand(2, about["num_channels"], *size, generator=generator)


def _to_pt2(network: torch.nn.Module, image: torch.Tensor, path: Path) -> Network:
    torch.export.save(torch.export.export(network, (image,), dynamic_shapes=_any_batch()), path)
    loaded = torch.export.load(path).module()

    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            result: np.ndarray = loaded(torch.from_numpy(x)).numpy()
        return result

    return run


def _to_onnx(network: torch.nn.Module, image: torch.Tensor, path: Path) -> Network:
    onnxruntime, _ = optional_import("onnxruntime")
    program = torch.onnx.export(network, (image,), dynamo=True, dynamic_shapes=_any_batch(), verbose=False)
    assert program is not None
    program.save(path, external_data=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(x: np.ndarray) -> np.ndarray:
        result: np.ndarray = session.run(None, {name: x})[0]
        return result

    return run


def _any_batch() -> tuple[dict[int, torch.export.Dim]]:
    return ({0: torch.export.Dim("batch", min=1)},)

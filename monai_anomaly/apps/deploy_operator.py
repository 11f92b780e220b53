# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import ResampleToMatch
from monai.utils import optional_import

from ..networks.weights import load_weights
from ..utils import DataError

__all__ = ["AnomalyBundleOperator"]

MonaiBundleInferenceOperator: Any = optional_import(
    "monai.deploy.operators", name="MonaiBundleInferenceOperator", as_type="base"
)[0]
Image, _ = optional_import("monai.deploy.core", name="Image")


class AnomalyBundleOperator(MonaiBundleInferenceOperator):
    """MONAI Deploy's operator of bundles, for those of this package; needs the package ``monai-deploy-app-sdk``.

    What its parent does otherwise:

    * Results: it takes the inferer's dictionary of maps for a list, and fails.
    * Weights, threshold: it looks for files of the bundle in the working folder.
    * Outputs: it casts each image to uint8, where a map in [0, 1] becomes 0, and gives it the affine of the
      preprocessed input; it takes a probability for the number of a class.
    * DICOM: the affine that it is handed has the two pixel spacings exchanged (App SDK 4.0.0).
    * Inputs: it has one image of one channel. Here an input per contrast can be mapped, by its name in
      ``channel_names``; those on other grids are resampled to the first one by their places in the scanner.

    Args:
        args: see ``MonaiBundleInferenceOperator``.
        settings: overrides of the configuration, e.g. ``{"displayable_configs#threshold": 0.2}``.
        kwargs: see there. ``bundle_path`` is the bundle's folder, or one that holds it; by default the application's
            model path. The labels of ``input_mapping`` are ``image`` or the names of the contrasts; those of
            ``output_mapping`` are ``pred`` or any result of the postprocessing, such as ``map``.

    Raises:
        DataError: there is no bundle at the path, or the inputs are not its contrasts.
    """

    bundle_path: Path
    _inputs: dict[str, Any]
    _outputs: dict[str, Any]

    def __init__(self, *args: Any, settings: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        self._settings = dict(settings or {})
        path = kwargs.get("bundle_path")
        if path is not None:
            kwargs["bundle_path"] = _bundle_folder(Path(path))
        super().__init__(*args, **kwargs)
        if path is not None:  # the parent would prefer a folder "models" of the working folder
            self._init_config(self._bundle_config_names.config_names)
            self._init_completed = True

    def _init_config(self, config_names: list[str]) -> None:
        self.bundle_path = _bundle_folder(Path(self.bundle_path))
        super()._init_config(config_names)
        parser = ConfigParser(self._parser.get())
        parser.update({"bundle_root": str(self.bundle_path), **self._settings})
        names = self._bundle_config_names
        self._device, self._inferer, self._preproc, self._postproc = (
            parser.get_parsed_content(name)
            for name in ("device", names.inferer_name, names.preproc_name, names.postproc_name)
        )
        self._contrasts = tuple(parser.get_parsed_content("channel_names"))
        self._inputs = {mapping.label: self._inputs["image"] for mapping in self._input_mapping}
        if list(self._inputs) != ["image"] and set(self._inputs) != set(self._contrasts):
            expected = f"an input called image, or {', '.join(self._contrasts)}"
            raise DataError(f"{self.bundle_path}: expected {expected}, found {', '.join(self._inputs)}")
        self._outputs = {m.label: self._outputs.get(m.label, {"type": "image"}) for m in self._output_mapping}
        network = parser.get_parsed_content("network").eval()
        load_weights(network, parser.get_parsed_content("model_file"), strict=True)
        # where the parent looks for it first
        self.app_context = SimpleNamespace(models={self._model_name: network})
        self._model_network = network

    def _convert_from_image_dicom_source(self, img: Any) -> tuple[np.ndarray, dict]:
        image, about = super()._convert_from_image_dicom_source(img)
        for key in ("affine", "original_affine"):
            for axis, spacing in enumerate(("col_pixel_spacing", "row_pixel_spacing")):  # of W and H
                about[key][:3, axis] *= about[spacing] / np.linalg.norm(about[key][:3, axis])
        return image, about

    def pre_process(self, data: dict[str, MetaTensor], *args: Any, **kwargs: Any) -> dict[str, MetaTensor]:
        if list(data) == ["image"]:
            return self._preproc(data)
        first, *others = (_channel_first(data[name]) for name in self._contrasts)
        to_first = ResampleToMatch(mode="bilinear", padding_mode="zeros")
        channels: list[Any] = [first, *(to_first(other, img_dst=first) for other in others)]
        values = torch.cat([channel.as_tensor() for channel in channels])
        image = self._preproc({"image": MetaTensor(values, meta=first.meta)})["image"]
        return dict.fromkeys([*data, "image"], image)

    def predict(self, data: torch.Tensor, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        found = super().predict(data)
        first = {name: value[0] for name, value in found.items()} if isinstance(found, dict) else found[0]
        return [{"pred": first}]  # a list of samples, of which the parent takes the first

    def _send_output(self, value: torch.Tensor, name: str, metadata: dict, op_output: Any, context: Any) -> None:
        array = torch.as_tensor(value).cpu().numpy()
        about = self._outputs[name]
        if about["type"] == "probabilities":
            result = {"result": about["channel_def"][str(array.argmax())], "probabilities": array}
            op_output.emit(result, name)
            return
        array = np.moveaxis(array, 0, -1) if len(array) > 1 else array[0]
        if value.ndim == 4:  # (W, H, D) -> (D, H, W), the order of slices of DICOM
            array = array.swapaxes(0, 2)
        affine = value.affine.numpy() if isinstance(value, MetaTensor) else metadata.get("affine")
        op_output.emit(Image(array, {**metadata, "affine": affine}), name)


def _channel_first(image: MetaTensor) -> MetaTensor:
    """An image without channels, as (1, spatial...)."""
    return MetaTensor(image.as_tensor()[None].float(), meta={**image.meta, "original_channel_dim": 0})


def _bundle_folder(path: Path) -> Path:
    """The bundle at a path, or the one in it."""
    path = path.expanduser().resolve()
    found = [folder for folder in (path, *sorted(path.glob("*"))) if (folder / "configs" / "inference.json").is_file()]
    if found[:1] == [path] or len(found) == 1:
        return found[0]
    raise DataError(f"{path}: expected the folder of a bundle, or one that holds it, found {len(found)} bundles")

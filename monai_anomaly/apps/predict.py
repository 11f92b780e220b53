# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow

from ..data.examples import write_examples
from ..utils import DataError
from .find_bundle import find_bundle

__all__ = ["inference_files", "predict"]

SHOWN_SLICES = [27, 33]
"""Of an example's volume, those in the middle: a look should not take minutes."""


def predict(
    bundle: str,
    source: str | os.PathLike | None = None,
    out: str | os.PathLike | None = None,
    overlays: Sequence[str] = (),
    **options: Any,
) -> None:
    """Run a bundle on images, with the weights of your training or else those that it comes with.

    Examples:
        monai-anomaly predict diffanomaly
        monai-anomaly predict diffanomaly scans/case1 results --slice_range "[40,60]" --threshold 0.2
        monai-anomaly predict descargan chest.png results --overlays inference_chest

    Args:
        bundle: its name or folder.
        source: an image, a folder with one file per contrast, a folder of such folders or of images, or a datalist;
            none: a few generated images are written to OUT/examples.
        out: folder for the results, one folder per case; by default predictions/BUNDLE.
        overlays: names or files of configurations over inference.json, e.g. inference_chest.
        options: any of displayable_configs of inference.json by its name, e.g. --threshold 0.2, or any entry of the
            configuration, e.g. --device cpu.

    Raises:
        DataError: no such bundle, overlay or option, no weights, or nothing to work on.
    """
    folder = find_bundle(bundle)
    results = Path("predictions") / folder.resolve().name if out is None else Path(out).expanduser()
    files = inference_files(folder, overlays)
    parser = ConfigParser()
    parser.read_config(files)
    options = _entries(parser, options)
    if "threshold_file" in options:
        threshold = options.get("displayable_configs#threshold", parser["displayable_configs#threshold"])
        if threshold != "auto":
            raise DataError(f"--threshold_file: expected the threshold auto, which reads it, found {threshold!r}")
    if source is None:
        source = _examples(folder, overlays, results / "examples", options, parser)
    workflow = ConfigWorkflow(
        config_file=[str(file) for file in files],
        meta_file=str(folder / "configs" / "metadata.json"),
        logging_file=str(folder / "configs" / "logging.conf"),
        workflow_type="infer",
        **{"bundle_root": str(folder), "dataset_dir": str(source), "output_dir": str(results), **options},
    )
    workflow.initialize()
    workflow.run()
    workflow.finalize()


def inference_files(folder: Path, overlays: Sequence[str]) -> list[Path]:
    """Configurations of an inference, in order.

    Args:
        folder: of the bundle.
        overlays: as of `predict`.

    Raises:
        DataError: there is no such overlay.
    """
    return [folder / "configs" / "inference.json", *(_overlay(folder, name) for name in overlays)]


def _overlay(folder: Path, name: str) -> Path:
    """The file of an overlay."""
    own = folder / "configs" / f"{name.removesuffix('.json')}.json"
    for path in (own, Path(name).expanduser()):
        if path.is_file():
            return path
    there = sorted(p.stem for p in own.parent.glob("inference_*.json"))
    raise DataError(f"{own}: expected an overlay, found no such file; {folder.name} has {', '.join(there) or 'none'}")


def _entries(parser: ConfigParser, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options by their places in the configuration."""
    displayable = parser.get("displayable_configs", {})
    entries: dict[str, Any] = {}
    for name, value in options.items():
        place = f"displayable_configs#{name}" if name in displayable else name
        known = [*displayable, *parser.get()]
        entry, _, inner = place.replace("::", "#").partition("#")
        if entry not in parser.get() or (entry == "displayable_configs" and inner.split("#")[0] not in displayable):
            near = get_close_matches(name, known, 3)
            raise DataError(
                f"--{name}: expected an option or an entry of the configuration, found none of this name"
                f"{'; near it: ' + ', '.join(near) if near else ''}"
            )
        entries[place] = f"$torch.device('{value}')" if name == "device" and not str(value).startswith("$") else value
    return entries


def _examples(
    folder: Path, overlays: Sequence[str], where: Path, options: dict[str, Any], parser: ConfigParser
) -> Path:
    """Generated images of the kind that the model was trained on."""
    names = ["train", *(Path(name).stem.removeprefix("inference_") for name in overlays)]
    files = [folder / "configs" / f"{name}.json" for name in names]
    training = ConfigParser()
    training.read_config([file for file in files if file.is_file()])
    phantom = training.get("phantom")
    if not isinstance(phantom, Mapping):
        model = " ".join(names[1:]) or folder.name
        raise DataError(f"{model}: expected images to work on, found none given, and no built-in data")
    place = "displayable_configs#slice_range"
    if phantom.get("kind", "brain") == "brain" and "slice_range" in parser.get("displayable_configs", {}):
        options.setdefault(place, SHOWN_SLICES)
    return write_examples(where, phantom)

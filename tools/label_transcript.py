# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Ask every bundle over the REST API of MONAI Label, and write down what came back: a page and a picture.

``python tools/label_transcript.py [BUNDLE=FOLDER ...]``: on generated images, with the weights that the bundles come
with; of a bundle that comes with none FOLDER has ``model.pt``. ``MONAI_ANOMALY_LABEL_PYTHON`` names the interpreter
that has MONAI Label, else it is that of ``.label``. Takes minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from label_client import PYTHON, REPOSITORY, Answer, LabelServer, label_python
from monai.bundle import ConfigParser
from PIL import Image

from monai_anomaly.apps.label.app_folder import WEIGHTS
from monai_anomaly.data.examples import write_examples
from monai_anomaly.utils import atomic_write, file_digest, provenance, read_json, read_model_record
from monai_anomaly.visualize.grid import GridColumn, draw_cell
from monai_anomaly.visualize.style import DIFFERENCE_COLORS, MAP_COLORS, TEXT, new_figure, save_figure

PAGE = REPOSITORY / "docs" / "reference" / "monai-label-transcript.md"
PICTURE = REPOSITORY / "docs" / "figures" / "monai_label.png"
SLICES = 6
"""Of a volume, around the largest lesion: a transcript should not take an hour."""
SHOWN = {
    "diffanomaly": ["mask", "map", "reconstruction:flair"],
    "diffseg": ["mask", "mean", "variance", "entropy"],
    "difftranslation": ["changed", "map", "translation:flair", "difference:flair"],
    "descargan": ["mask", "map", "reconstruction", "difference"],
}
CLASSIFIER = "l2i_classification"
COLORS = {"map": MAP_COLORS, "mean": MAP_COLORS, "variance": MAP_COLORS, "entropy": MAP_COLORS}
COLORS["difference"] = DIFFERENCE_COLORS
WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("diffseg", "brain_flair", {"shown": "heatmap", "slice_range": [0, 1]}),
    ("diffanomaly", "flair_alone", {}),
    ("descargan", "damaged", {}),
    ("descargan", "nobody", {}),
]
"""Requests that cannot be answered."""


@dataclass(frozen=True)
class Asked:
    """One request and what came back."""

    bundle: str
    image: str
    params: dict[str, Any]
    answer: Answer


def write_studies(folder: Path, work: Path) -> tuple[int, list[str]]:
    """A brain with a tumor, two with and without MS lesions, an ellipse, and two files that cannot be used.

    Returns:
        The slice of the first with the most tumor, and the names of those with and without MS.
    """
    parser = ConfigParser()
    found = {}
    for bundle in ("diffanomaly", CLASSIFIER, "descargan"):
        parser.read_config(REPOSITORY / "bundles" / bundle / "configs" / "train.json")
        datalist = write_examples(work / bundle, parser.get("phantom"))
        found[bundle] = [{**entry, "folder": datalist.parent} for entry in read_json(datalist)["test"]]
        parser = ConfigParser()
    brain = next(entry for entry in found["diffanomaly"] if entry["label"])
    for name in brain["image"]:
        shutil.copyfile(brain["folder"] / name, folder / f"brain_{Path(name).name}")
    flair = next(name for name in brain["image"] if "flair" in name)
    shutil.copyfile(brain["folder"] / flair, folder / "flair_alone.nii.gz")
    tumor = np.asarray(nib.load(brain["folder"] / brain["mask"]).dataobj) > 0
    people = []
    for entry in found[CLASSIFIER]:
        people.append("with_ms" if entry["label"] else "without_ms")
        shutil.copyfile(entry["folder"] / entry["image"][0], folder / f"{people[-1]}.nii.gz")
    ellipse = next(entry for entry in found["descargan"] if entry["label"])
    shutil.copyfile(ellipse["folder"] / ellipse["image"], folder / "ellipse.png")
    (folder / "damaged.nii.gz").write_bytes((folder / "with_ms.nii.gz").read_bytes()[:2000])
    return int(tumor.sum((0, 1)).argmax()), people


def bundle_folders(given: dict[str, Path], work: Path) -> list[Path]:
    """The bundles; of those whose weights are elsewhere copies with them."""
    folders = []
    for bundle in [*SHOWN, CLASSIFIER]:
        folder = REPOSITORY / "bundles" / bundle
        if bundle in given:
            copy = work / "bundles" / bundle
            shutil.copytree(folder / "configs", copy / "configs")
            (copy / "models").mkdir()
            for name in WEIGHTS:
                if (given[bundle] / name).is_file():
                    shutil.copyfile(given[bundle] / name, copy / "models" / name)
            folder = copy
        folders.append(folder)
    return folders


def ask_all(server: LabelServer, where: int, people: list[str]) -> list[Asked]:
    """Every result of every bundle."""
    asked = []
    for bundle, results in SHOWN.items():
        for shown in results:
            picture = bundle == "descargan"
            params = {"result_extension": ".nii.gz"} if picture else {"slice_range": [where - 3, where - 3 + SLICES]}
            params |= {} if shown == results[0] else {"shown": shown}
            image = "ellipse" if picture else "brain_flair"
            asked.append(Asked(bundle, image, params, server.ask(bundle, image, **params)))
            print(bundle, shown, asked[-1].answer.status, f"{asked[-1].answer.seconds:.1f} s", flush=True)
    for person in people:
        asked.append(Asked(CLASSIFIER, person, {}, server.ask(CLASSIFIER, person, output="json")))
    for bundle, image, params in WRONG:
        asked.append(Asked(bundle, image, params, server.ask(bundle, image, **params)))
    return asked


def told(asked: Asked) -> str:
    """An answer in words."""
    if asked.answer.status != 200:
        detail = asked.answer.json["detail"]
        return "`" + " ".join(Path(word).name if word.startswith("/") else word for word in detail.split(" ")) + "`"
    if asked.bundle == CLASSIFIER:
        return ", ".join(f"{entry['label']} {entry['score']:.3f}" for entry in asked.answer.json["prediction"])
    image = asked.answer.image
    values = image.get_fdata()
    size = " x ".join(map(str, image.shape))
    about = f"{image.get_data_dtype()}, {size}, {values.min():.3g} to {values.max():.3g}"
    return f"{about}, {int(values.sum())} voxels" if image.get_data_dtype() == np.uint8 else about


def write_page(asked: list[Asked], versions: dict[str, str], folders: list[Path], command: str) -> None:
    """The page."""
    rows = ""
    for a in asked:
        params = json.dumps({name: value for name, value in a.params.items() if name != "result_extension"})
        rows += f"| `{a.bundle}` | {a.image} | `{params}` | {a.answer.status} | {a.answer.seconds:.1f} | {told(a)} |\n"
    weights = ""
    for folder in folders:
        model = folder / "models" / "model.pt"
        origin = "comes with the bundle" if folder.is_relative_to(REPOSITORY) else "not part of the repository yet"
        epoch = (read_model_record(model)["training"] or {}).get("epoch", "unknown")
        weights += f"| `{folder.name}` | {file_digest(model)[:16]} | {epoch} | {origin} |\n"
    about = provenance()
    text = (
        "# Transcript of MONAI Label\n\nWritten by a program, which asks every bundle over the REST API of MONAI Label "
        "([how](../how-to/monai-label.md)), on generated images, on a CPU with one thread:\n\n"
        f"```\n{command}\n```\n\n"
        f"{about['date'][:10]}, git {about['git_revision']}; "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}.\n\n"
        f"Load of the machine, with other work on it: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores.\n\n"
        '`POST /infer/BUNDLE?image=IMAGE&output=image`, with `params` and `"device": "cpu"` in the form; of the '
        'ellipse, a PNG, also `"result_extension": ".nii.gz"`; of the classifier `output=json`.\n\n'
        f"| bundle | image | params | status | seconds | answer |\n|---|---|---|---|---|---|\n{rows}\n"
        "![What came back](../figures/monai_label.png)\n\n"
        "*Every cell but the first of a row is an answer over REST, on the grid of the image. Generated images; these "
        "weights say nothing about patients.*\n\n"
        f"| bundle | SHA-256 of `model.pt` | epoch | weights |\n|---|---|---|---|\n{weights}"
    )
    with atomic_write(PAGE) as f:
        f.write(text)


def draw(asked: list[Asked], studies: Path, where: int) -> None:
    """A row for each bundle: the input and every answer."""
    rows: list[list[tuple[str, np.ndarray, GridColumn]]] = []
    good = [a for a in asked if a.answer.status == 200]
    for bundle, results in SHOWN.items():
        image = next(a.image for a in good if a.bundle == bundle)
        row = [cell("input", flat(read(studies, image), where))]
        for shown, one in zip(results, (a for a in good if a.bundle == bundle), strict=True):
            row.append(cell(shown, flat(one.answer.image.get_fdata(), where)))
        rows.append(row)
    figure = new_figure(10.4, 10.6)
    axes = figure.subplots(len(rows) + 1, 5, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, (bundle, row) in zip(axes, zip(SHOWN, rows, strict=True), strict=False):
        for axis, (title, column) in zip(line, row, strict=False):
            axis.set_axis_on()
            draw_cell(axis, column, 0, bundle != "descargan")
            low, high = column.limits
            bounds = "" if title in ("input", "mask", "changed") else f"  [{low:.2g}, {high:.2g}]"
            axis.set_title(f"{title}{bounds}", color=TEXT, fontsize=10)
        line[0].set_ylabel(bundle, color=TEXT, fontsize=11)
    for i, one in enumerate(a for a in good if a.bundle == CLASSIFIER):
        axis, words = axes[-1, 2 * i : 2 * i + 2]
        axis.set_axis_on()
        volume = read(studies, one.image)
        draw_cell(axis, cell("input", volume[..., volume.shape[2] * 3 // 5])[1], 0, True)
        axis.set_title(f"input: {one.image.replace('_', ' ')}", color=TEXT, fontsize=10)
        said = "\n".join(f"{entry['label']}: {entry['score']:.2f}" for entry in one.answer.json["prediction"])
        words.text(0.05, 0.5, said, color=TEXT, fontsize=13, va="center", transform=words.transAxes)
    axes[-1, 0].set_ylabel(CLASSIFIER, color=TEXT, fontsize=11)
    figure.subplots_adjust(left=0.04, right=0.99, top=0.97, bottom=0.01, wspace=0.04, hspace=0.16)
    save_figure(figure, PICTURE)


def read(studies: Path, name: str) -> np.ndarray:
    """An image of the studies, as MONAI has its axes."""
    path = next(studies.glob(f"{name}.*"))
    if path.suffix == ".png":
        return np.asarray(Image.open(path), np.float32).T
    return np.asarray(nib.load(path).dataobj, np.float32)


def flat(values: np.ndarray, where: int) -> np.ndarray:
    """The slice of a volume, or the picture."""
    values = np.squeeze(values)
    return values[..., where] if values.ndim == 3 else values


def cell(title: str, image: np.ndarray) -> tuple[str, GridColumn]:
    """One view, with limits that show it."""
    kind = title.partition(":")[0]
    high = float(np.abs(image).max()) or 1.0
    limits = {"difference": (-high, high), "mask": (0.0, 1.0), "changed": (0.0, 1.0), "mean": (0.0, 1.0)}
    column = GridColumn(title, image[None], limits.get(kind, (0.0, high)), COLORS.get(kind, "gray"), smooth=False)
    return title, column


def main(*given: str) -> None:
    """Ask, and write page and picture."""
    python = label_python()
    if python is None:
        sys.exit(f"needs MONAI Label in an environment of its own, .label or named in {PYTHON}")
    elsewhere = {bundle: Path(folder) for bundle, _, folder in (word.partition("=") for word in given)}
    code = "import sys, monai, monailabel, torch, numpy; "
    code += "print(sys.version.split()[0], *(m.__version__ for m in (monailabel, monai, torch, numpy)))"
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "studies").mkdir()
        where, people = write_studies(work / "studies", work)
        folders = bundle_folders(elsewhere, work)
        with LabelServer(python, work, work / "studies", folders) as server:
            asked = ask_all(server, where, people)
            found = subprocess.check_output([python, "-c", code], env=server.environment, text=True).split()[-5:]
        versions = dict(zip(("Python", "MONAI Label", "MONAI", "torch", "NumPy"), found, strict=True))
        words = " ".join(f"{bundle}=FOLDER" for bundle in elsewhere)
        draw(asked, work / "studies", where)
        write_page(asked, versions, folders, f"python tools/label_transcript.py {words}".strip())


if __name__ == "__main__":
    main(*sys.argv[1:])

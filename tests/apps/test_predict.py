# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_anomaly.apps.find_bundle import find_bundle, known_bundles
from monai_anomaly.apps.predict import predict
from monai_anomaly.utils import DataError, known_cause
from tests.bundles.workflow import BUNDLES, copy_bundle, write_random_weights


def test_a_bundle_is_found_by_its_name_or_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert known_bundles() == [bundle.name for bundle in BUNDLES]
    assert find_bundle("descargan").resolve() == BUNDLES[0]
    copy = copy_bundle("descargan", tmp_path / "bundles")
    assert find_bundle("descargan").resolve() == copy and find_bundle(str(copy)) == copy


def test_no_bundle_of_this_name_lists_those_there_are() -> None:
    with pytest.raises(DataError, match=r"descargn: expected a bundle.*bundles: descargan, diffanomaly"):
        find_bundle("descargn")


def test_examples_with_the_weights_that_the_bundle_comes_with(tmp_path: Path) -> None:
    """The first thing a new user sees: lesions are found, healthy images left alone."""
    predict("descargan", out=tmp_path)
    found = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("*/scores.json")}
    assert sorted(found) == [f"test-{name}-000{n}" for name in ("diseased", "healthy") for n in (1, 2)]
    for name, scores in found.items():
        assert (scores["mask_voxels"] > 50) == ("diseased" in name), name
        assert scores["threshold"]["origin"] == "validation"
        assert (tmp_path / name / "figure.png").is_file()


def test_an_image_with_options_by_their_names(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(gray).save(tmp_path / "a.png")
    predict("descargan", tmp_path / "a.png", tmp_path / "out", threshold=0.3, views=1, seed=7, device="cpu")
    scores = json.loads((tmp_path / "out" / "a" / "scores.json").read_text())
    assert scores["threshold"] == {"value": 0.3, "origin": "given"} and scores["settings"]["views"] == 1


def test_overlays_and_weights_of_a_training_come_first(tmp_path: Path) -> None:
    bundle = copy_bundle("descargan", tmp_path)
    write_random_weights(bundle, bundle / "trained" / "chest" / "model.pt", "inference_chest")
    predict(str(bundle), out=tmp_path / "out", overlays=["inference_chest"], views=1)
    assert len(list(tmp_path.glob("out/*/map.nii.gz"))) == 4
    assert (tmp_path / "out" / "examples" / "chest.json").is_file()  # X-rays, as the model was trained on
    assert nib.load(next(tmp_path.glob("out/*/map.nii.gz"))).shape == (64, 64)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"treshold": 0.3}, "--treshold: expected an option or an entry of the configuration.*near it: threshold"),
        ({"displayable_configs#treshold": 0.3}, "--displayable_configs#treshold: expected an option"),
        ({"threshold_file": "no.json"}, r"no\.json: expected a threshold, found no such file"),
        ({"threshold_file": "no.json", "threshold": 0.3}, "expected the threshold auto, which reads it, found 0.3"),
        ({"overlays": ["inference_cxr64"]}, "cxr64: expected images to work on, found none given"),
        ({"overlays": ["nix"]}, r"nix\.json: expected an overlay.*inference_chest"),
        ({"source": "nothing.png"}, r"nothing\.png: expected an image, a folder or a datalist, found nothing"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, object], reason: str, tmp_path: Path) -> None:
    with pytest.raises((DataError, RuntimeError)) as caught:
        predict("descargan", **{"out": tmp_path, **options})
    assert re.search(reason, str(known_cause(caught.value)))  # as the command line shows it


def test_shards_share_the_cases_and_the_index_shows_all(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abcd":
        gray = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(gray).save(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "b.png").write_bytes(b"damaged")
    predict("descargan", tmp_path / "in", tmp_path / "out", shard="1/2", views=1)
    assert sorted(path.parent.name for path in tmp_path.glob("out/*/scores.json")) == ["a", "c"]
    predict("descargan", tmp_path / "in", tmp_path / "out", shard="2/2", views=1)
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "3 cases" in index and "<b>b</b> left out" in index
    assert json.loads((tmp_path / "out" / "left_out_2_of_2.json").read_text())[0]["case"] == "b"


def test_more_shards_than_cases(tmp_path: Path) -> None:
    Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(tmp_path / "a.png")
    with pytest.raises((DataError, RuntimeError)) as caught:
        predict("descargan", tmp_path / "a.png", tmp_path / "out", shard="2/2")
    assert "shard 2/2: expected at least as many inputs as shards, found 1" in str(known_cause(caught.value))

# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What MONAI's bundle specification, the Model Zoo and MONAI Label ask of every bundle, read from its files."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from pydoc import locate
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser, verify_metadata, verify_net_in_out
from monai.bundle.config_item import ComponentLocator

import monai_anomaly

from .workflow import GENERATED, REPOSITORY, copy_bundle, load_network, merged

SCHEMA_MD5 = "06954cad2cc5d3784e72077ac76f0fc8"


def read(bundle: Path, name: str) -> Any:
    return json.loads((bundle / "configs" / f"{name}.json").read_text(encoding="utf-8"))


def sources(bundle: Path) -> list[Path]:
    files = (path for path in bundle.rglob("*") if path.is_file())
    return [path for path in files if path.relative_to(bundle).parts[0] not in GENERATED]


def walk(config: Any) -> Iterator[Any]:
    yield config
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from walk(value)


def strings(config: Any) -> list[str]:
    return [item for item in walk(config) if isinstance(item, str)]


def targets(config: Any) -> set[str]:
    return {item["_target_"] for item in walk(config) if isinstance(item, dict) and "_target_" in item}


def test_layout(bundle) -> None:
    files = {path.relative_to(bundle).as_posix() for path in sources(bundle)}
    configs = ["train", "evaluate", "inference", "multi_gpu_train", "metadata"]
    expected = {"LICENSE", "configs/logging.conf", "docs/README.md", "docs/data_license.txt"}
    assert expected | {f"configs/{name}.json" for name in configs} <= files
    # monai.bundle.load looks for .json only
    assert not [name for name in files if name.startswith("configs/") and name.endswith((".yaml", ".yml"))]


def test_nothing_the_zoo_refuses(bundle) -> None:
    for path in sources(bundle):
        assert path.stat().st_size < 25e6, path
        if path.suffix in (".json", ".md", ".conf", ".txt"):
            assert not re.search(r"/(home|root|tmp|Users)/", path.read_text(encoding="utf-8")), path


def test_name_is_not_taken_for_another_task(bundle) -> None:
    """MONAI Label infers the kind of a model from the name of its folder."""
    assert not re.search("detection|deepedit|deepgrow", bundle.name)


def test_metadata_passes_monai_check(bundle, shared, tmp_path) -> None:
    pytest.importorskip("jsonschema")
    schema = tmp_path / "schema.json"  # where it exists, verify_metadata downloads nothing
    shutil.copy(shared("zoo/meta_schema_20240725.json"), schema)
    meta_file = str(bundle / "configs" / "metadata.json")
    verify_metadata(meta_file=meta_file, filepath=str(schema), hash_val=SCHEMA_MD5, hash_type="md5")


def test_network_matches_the_metadata(bundle) -> None:
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(bundle / "configs" / "inference.json"),
        device="cpu",
    )


def test_metadata_as_the_zoo_and_label_read_it(bundle) -> None:
    metadata = read(bundle, "metadata")
    assert metadata["schema"].endswith("/meta_schema_20240725.json")
    assert metadata["version"] in metadata["changelog"]
    assert "monai-label" in metadata["supported_apps"]
    data = metadata["network_data_format"]
    assert next(iter(data["inputs"])) == "image" and next(iter(data["outputs"])) == "pred"
    pred = data["outputs"]["pred"]
    if "classification" in bundle.name:  # the kind that MONAI Label infers
        assert list(pred["channel_def"].values()) == read(bundle, "train")["class_names"]
        assert (pred["type"], pred["num_channels"]) == ("probabilities", len(pred["channel_def"]))
        return
    assert pred["channel_def"]["0"] == "background"
    assert data["post_processed_outputs"]["pred"]["dtype"] == "uint8"


def test_metadata_lists_what_the_package_needs(bundle) -> None:
    """The zoo installs exactly these; as many as pyproject.toml, in the versions the tests run with."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no reader of TOML")
    metadata = read(bundle, "metadata")
    versions = {**metadata["required_packages_version"], "monai": metadata["monai_version"]}
    versions.update(torch=metadata["pytorch_version"], numpy=metadata["numpy_version"])
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split("[><=]", line)[0].lower() for line in project["dependencies"]}
    assert set(versions) == needed
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.lower().split("==") for line in lines if "==" in line)
    assert versions == {name: pinned[name] for name in versions}


def test_every_target_is_found(bundle) -> None:
    """Classes of the package by their full names, MONAI's by short names that mean one class only.

    A reference is to an entry that gives a class or function with some of its arguments.
    """
    import_package()
    train = merged(bundle.name, "train")
    for path in sorted((bundle / "configs").glob("*.json")):
        for name in targets(json.loads(path.read_text(encoding="utf-8"))):
            if name.startswith("@"):
                assert train[name[1:]]["_mode_"] == "callable", (path.name, name)
            elif "." in name:
                assert not name.startswith("scripts."), (path.name, name)
                assert locate(name) is not None, (path.name, name)
            else:
                assert isinstance(ComponentLocator().get_component_module_name(name), str), (path.name, name)


def test_no_class_is_called_like_one_of_monai() -> None:
    """A short `_target_` is looked up in every module whose name starts with "monai", ours too."""
    import_package()

    def classes(package: str) -> set[str]:
        modules = [m for name, m in list(sys.modules.items()) if (name + ".").startswith(package + ".")]
        found = [(n, o) for m in modules for n, o in vars(m).items() if inspect.isclass(o)]
        return {n for n, o in found if (o.__module__ + ".").startswith(package + ".")}

    assert not classes("monai_anomaly") & classes("monai")


def import_package() -> None:
    for module in pkgutil.walk_packages(monai_anomaly.__path__, "monai_anomaly."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@pytest.mark.parametrize("config", ["train", "inference"])
def test_bundle_root_is_found(bundle, config, tmp_path, monkeypatch) -> None:
    zoo = tmp_path / "models" / bundle.name
    shutil.copytree(bundle / "configs", zoo / "configs")
    places = {REPOSITORY: f"bundles/{bundle.name}", tmp_path: f"models/{bundle.name}", bundle: "."}
    for folder, expected in places.items():
        monkeypatch.chdir(folder)
        parser = ConfigParser()
        parser.read_config(bundle / "configs" / f"{config}.json")
        assert parser.get_parsed_content("bundle_root") == expected
        folder = "models" if config == "inference" and (Path(expected) / "models" / "model.pt").is_file() else "trained"
        assert parser.get_parsed_content("ckpt_dir") == f"{expected}/{folder}"
        assert str(parser.get_parsed_content("output_dir")).startswith(f"{expected}/eval")


def test_ids_of_the_training(bundle) -> None:
    train = read(bundle, "train")
    ids = "imports bundle_root ckpt_dir output_dir dataset_dir epochs val_interval seed finetune device network_def"
    assert set(ids.split()) | {"network", "loss", "optimizer", "train", "validate", "initialize", "run"} <= set(train)
    assert train["training"] == "%run"
    assert {"preprocessing", "dataset", "dataloader", "inferer", "handlers", "trainer"} <= set(train["train"])
    assert train["train"]["trainer"]["max_epochs"] == "@epochs"
    assert train["train"]["trainer"]["train_handlers"] == "$@train#tracked"
    assert train["train"]["tracked"]["handlers"] == "@train#handlers"
    assert {"preprocessing", "dataset", "dataloader", "inferer", "handlers", "key_metric", "evaluator"} <= set(
        train["validate"]
    )
    for overlay in ("evaluate", "multi_gpu_train"):
        assert {"initialize", "run"} <= set(read(bundle, overlay))


def test_data_can_be_set_by_programs(bundle) -> None:
    """MONAI Label sets the samples of an entry that is made from a shared one; users any argument of it."""
    train = merged(bundle.name, "train")
    shared = "volume_dataset" if "volume_dataset" in train else "slice_dataset"
    sample = {"image": "a.png", "label": 0}
    for place in ("train#dataset", "validate#dataset", "evaluate#test_dataset"):
        assert train[place]["_target_"] == f"@{shared}"
        train.update({f"{place}#data": [sample], f"{place}#progress": False, f"{place}#transform": None})
    train.update({f"{shared}#cache_dir": "cache", f"{shared}#_target_": "builtins.dict"})
    for place in ("train#dataset", "validate#dataset", "evaluate#test_dataset"):
        made = train.get_parsed_content(place)
        assert made["data"] == [sample] and made["progress"] is False and made["cache_dir"] == "cache"


def test_initialize_is_light(bundle) -> None:
    """It runs before the bundle's folder is on the path, and in `monai.bundle.load`."""
    for config in ("train", "evaluate", "inference"):
        assert read(bundle, config)["initialize"] == ["$monai.utils.set_determinism(seed=@seed)"]


def test_no_overlay_counts_the_entries_of_a_list(bundle) -> None:
    """MONAI leaves disabled components out of lists, and a new one shifts the rest: what is replaced has a name."""
    for path in sorted((bundle / "configs").glob("*.json")):
        assert not [
            key
            for key in json.loads(path.read_text(encoding="utf-8"))
            if any(part.isdigit() for part in key.split("#"))
        ], path


def test_handlers_can_be_edited_by_programs(bundle) -> None:
    """MLflow tracking and MONAI Label insert handlers into literal lists."""
    train, inference = read(bundle, "train"), read(bundle, "inference")
    for handlers in (train["train"]["handlers"], train["validate"]["handlers"], inference["handlers"]):
        assert isinstance(handlers, list) and all("_target_" in handler for handler in handlers)
    (validation,) = (h for h in train["train"]["handlers"] if h["_target_"] == "ValidationHandler")
    assert validation["validator"] == "@validate#evaluator"
    assert validation["interval"] == "$min(@val_interval, @epochs)"  # the last epoch of a short training too


def test_inference_can_run_in_another_program(bundle) -> None:
    """MONAI Label copies the network and runs transforms and inferer only."""
    inference = read(bundle, "inference")
    for part in ("preprocessing", "inferer", "postprocessing"):
        assert not [text for text in strings(inference[part]) if "network" in text]
    assert not {"Spacingd", "LoadImaged", "SaveImaged"} & targets(inference)
    assert inference["dataset"]["transform"] == "@preprocessing"
    if "classification" not in bundle.name:
        assert {"threshold", "shown"} <= set(inference["displayable_configs"])
    used = strings([inference["inferer"], inference["postprocessing"]])
    for name in inference["displayable_configs"]:
        assert any(f"@displayable_configs#{name}" in text for text in used), name


def test_no_option_is_called_like_a_result(bundle) -> None:
    """MONAI Label puts the options of a request into the sample, where the results go too."""
    parser = merged(bundle.name, "inference")
    fields = getattr(parser.get_parsed_content("inferer"), "fields", ())
    assert fields or "classification" in bundle.name  # whose inferer makes no maps
    made = {"image", "pred", "mask", "difference", "changed", "probability", *fields}
    assert not made & set(parser["displayable_configs"])


def test_label_may_add_entries_to_a_sample(bundle) -> None:
    first = read(bundle, "train")["volume_transforms"][0]
    assert first["_target_"] == "SelectItemsd"


@pytest.mark.parametrize("kind", ["train", "inference"])
def test_load_before_any_training(bundle, kind, tmp_path) -> None:
    """`monai.bundle.load` makes the network without data, and finds the weights in models/model.pt."""
    copy = copy_bundle(bundle, tmp_path)
    parser = ConfigParser()
    parser.read_config(copy / "configs" / "inference.json")
    state = parser.get_parsed_content("network_def").state_dict()
    (copy / "models").mkdir()
    torch.save(state, copy / "models" / "model.pt")
    network = load_network(copy, kind)
    torch.testing.assert_close(dict(network.state_dict()), dict(state))
    assert not (copy / "data").exists()

# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What the Model Zoo's own CI (ci/verify_bundle.py) and CONTRIBUTING.md ask of a bundle, of every exported one."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from PIL import Image

from tests.bundles.test_bundle_rules import SCHEMA_MD5
from tests.bundles.workflow import BUNDLES, REPOSITORY
from tests.test_documents import CODE, LINK

from .exported import export, python

HEADINGS = (
    "# Model Overview",
    "## Data",
    "## Training configuration",
    "### Input",
    "### Output",
    "## Performance",
    "## MONAI Bundle Commands",
    "# References",
    "# License",
)
"""Of the zoo's README files, in this order."""
VERIFY = """
import torch
from monai.bundle import ConfigWorkflow, ckpt_export, load, verify_metadata, verify_net_in_out
meta = dict(meta_file="configs/metadata.json")
if {schema!r}:
    verify_metadata(**meta, filepath={schema!r}, hash_val={md5!r}, hash_type="md5")
    print("metadata as the schema asks")
verify_net_in_out("network_def", **meta, config_file="configs/inference.json", device="cpu")
print("shape as in the metadata")
network = load("{name}", bundle_dir="..", source="huggingface_hub", repo="MONAI/{name}")
print("loaded:", type(network).__module__)
flow = ConfigWorkflow(config_file="configs/inference.json", workflow_type="infer", dataset_dir="{image}")
flow.initialize()
print("missing:", flow.check_properties())
try:
    weights = dict(ckpt_file="models/model.pt", key_in_ckpt="")
    ckpt_export("network_def", "models/verify_model.ts", **weights, **meta, config_file="configs/inference.json")
except (RuntimeError, torch.jit.frontend.FrontendError) as error:
    print("cannot be scripted:", type(error).__name__)
"""


@pytest.fixture(scope="module", params=BUNDLES, ids=lambda path: path.name)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(request.param, tmp_path_factory.mktemp("zoo"))


def metadata(folder: Path) -> dict:
    return json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))


def test_files(exported: Path) -> None:
    """The necessary and the preferred ones; none of more than 25 MB, and no place of a person's computer."""
    names = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    assert {"LICENSE", "configs/metadata.json", "configs/inference.json", "models/model.pt"} <= names
    assert {"docs/README.md", "docs/data_license.txt", "scripts/__init__.py", f"test_{exported.name}.py"} <= names
    for name in sorted(names):
        assert (exported / name).stat().st_size <= 25e6, name
        if not name.endswith(".pt"):
            text = (exported / name).read_text(encoding="utf-8")
            assert not re.search(r"/(home|root|Users|work)/|/tmp/", text), name


def test_nothing_names_this_package(exported: Path) -> None:
    for path in exported.rglob("*"):
        if path.suffix in (".py", ".json"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r'^\s*(from|import) monai_anomaly|"monai_anomaly\.', text, re.MULTILINE), path


def test_every_package_that_the_code_imports_is_required(exported: Path) -> None:
    """The zoo installs these, in exactly these versions, and jsonschema and fire."""
    about = metadata(exported)
    required = {name.lower() for name in about["required_packages_version"]} | {"monai", "torch", "numpy"}
    required.add("contourpy")  # of matplotlib
    versions = [*about["required_packages_version"].values(), about["monai_version"], about["pytorch_version"]]
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in versions)
    homes = packages_distributions()
    for path in exported.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in {str(name).split(".")[0] for name in names} - sys.stdlib_module_names:
                assert {module, *(name.lower() for name in homes.get(module, ()))} & required, (path, module)


def test_readme(exported: Path) -> None:
    """Laid out as the zoo's; links lead somewhere; what cannot be exported is said."""
    text = (exported / "docs" / "README.md").read_text(encoding="utf-8")
    places = [f"\n{text}".find(f"\n{heading}\n") for heading in HEADINGS]
    assert places == sorted(places) and places[0] == 0
    assert "scripted" in text and "TensorRT" in text and "needs the package" not in text
    for page in (exported / "docs").glob("*.md"):
        for target, _ in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
            assert (page.parent / target).exists(), (page, target)
    for name in re.findall(r"configs/[\w.]+\.(?:json|conf)|(?<=--ckpt_file )\S+", text):
        assert (exported / name).is_file(), name


def test_version_and_changelog(exported: Path) -> None:
    about = metadata(exported)
    assert about["version"] in about["changelog"] and about["name"]
    trained = (exported / "models" / "model.json").is_file()
    assert bool(about["eval_metrics"]) == trained


def test_style_of_the_code(exported: Path) -> None:
    """What flake8, black and isort of the zoo find otherwise is told in docs/how-to/model-zoo.md."""
    pytest.importorskip("ruff")
    rules = ["--isolated", "--no-cache", "--line-length", "120", "--select", "E,F,W,C4,B", "--ignore", "E741,C408,B023"]
    command = [sys.executable, "-m", "ruff", "check", *rules, str(exported)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_monai_verifies(exported: Path, shared: Callable[[str], Path], tmp_path: Path) -> None:
    """Metadata, shapes, properties, loading; the network cannot be scripted, which the zoo wants to know."""
    schema = ""
    try:
        __import__("jsonschema")
        schema = str(shutil.copy(shared("zoo/meta_schema_20240725.json"), tmp_path / "schema.json"))
    except (ImportError, pytest.skip.Exception):
        pass  # a development file; the rest is verified without it
    Image.effect_noise((64, 64), 60).save(tmp_path / "a.png")
    told = python(VERIFY.format(schema=schema, md5=SCHEMA_MD5, name=exported.name, image=tmp_path / "a.png"), exported)
    assert not schema or "metadata as the schema asks" in told
    assert "shape as in the metadata" in told and "loaded: scripts.networks" in told
    assert re.search(r"missing: (None|\[\])", told) and "cannot be scripted" in told, told


def test_unit_test_of_an_exported_bundle(tmp_path: Path) -> None:
    """Trains, evaluates and infers, in a copy of the zoo; of ``descargan``, which is the fastest."""
    (tmp_path / "ci" / "unit_tests").mkdir(parents=True)
    export(REPOSITORY / "bundles" / "descargan", tmp_path)
    test = "ci/unit_tests/test_descargan.py"
    told = python(f"import runpy; sys.argv = ['{test}']; runpy.run_path('{test}', run_name='__main__')", tmp_path)
    assert "Ran 3 tests" in told and told.rstrip().endswith("OK")

# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What is looked at before MONAI Label starts; tests/bundles/test_monai_label.py has the server itself."""

from __future__ import annotations

import shutil
import socket
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from monai_anomaly.apps.label import label_server
from monai_anomaly.apps.label.app_folder import checked_bundles, write_app
from monai_anomaly.apps.label.reasons import status_and_reason
from monai_anomaly.utils import DataError
from tests.bundles.workflow import BUNDLES, copy_bundle, write_random_weights


def with_weights(bundle: str, folder: Path) -> Path:
    copy = copy_bundle(bundle, folder)
    write_random_weights(copy, copy / "models" / "model.pt")
    return copy


def test_all_that_have_weights_and_those_of_a_training_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {bundle.name for bundle in BUNDLES if (bundle / "models" / "model.pt").is_file()}
    assert shipped <= {folder.name for folder in checked_bundles()}
    copy = with_weights("descargan", tmp_path)
    assert checked_bundles([str(copy)]) == {copy: copy / "models"}
    shutil.copytree(copy / "models", copy / "trained")
    assert checked_bundles([str(copy)]) == {copy: copy / "trained"}


def test_weights_of_another_bundle(tmp_path: Path) -> None:
    """Also where parts of the networks have the same names: MONAI Label would leave the rest random."""
    copy = copy_bundle("diffanomaly", tmp_path)
    write_random_weights("difftranslation", copy / "models" / "model.pt")
    with pytest.raises(DataError, match=r"models/model\.pt: expected weights of the configured network, found others"):
        checked_bundles([str(copy)])


def test_no_weights_no_bundle_or_one_twice(tmp_path: Path) -> None:
    copy = copy_bundle("descargan", tmp_path)
    with pytest.raises(DataError, match=r"model\.pt: expected weights, found no such file: train descargan, or leave"):
        checked_bundles([str(copy)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: expected a bundle, its name or a folder with configs"):
        checked_bundles([str(tmp_path / "empty")])
    with pytest.raises(DataError, match="expected bundles of different names, found descargan twice"):
        checked_bundles([str(with_weights("descargan", tmp_path / name)) for name in "ab"])


def test_an_app_has_what_label_reads_and_nothing_that_it_misreads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "sample-apps" / "monaibundle"
    (source / "model" / "of_someone").mkdir(parents=True)
    (source / "main.py").write_text("app = 1")
    file = SimpleNamespace(as_posix=lambda: "../sample-apps/monaibundle/main.py", locate=lambda: source / "main.py")
    monkeypatch.setattr(metadata, "files", lambda name: [file])
    copy = with_weights("descargan", tmp_path)
    for name in ("threshold.json", "model_state.pt", "model.json"):
        (copy / "models" / name).write_text("{}")
    old = tmp_path / "app" / "model" / "descargan" / "models" / "old.pt"
    old.parent.mkdir(parents=True)
    old.touch()
    write_app(tmp_path / "app", {copy: copy / "models"})
    made = tmp_path / "app" / "model"
    assert (tmp_path / "app" / "main.py").read_text() == "app = 1"
    assert [path.name for path in made.iterdir()] == ["descargan"]
    models = sorted(path.name for path in (made / "descargan" / "models").iterdir())
    assert models == ["model.json", "model.pt", "threshold.json"]
    assert (made / "descargan" / "configs" / "inference.json").is_file()


def test_without_monai_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(DataError, match=r"monailabel: expected MONAI Label in this environment.*monai-label\.md"):
        write_app(tmp_path / "app", {})
    assert not (tmp_path / "app").exists()


def test_studies_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, found in (("nix", "nothing"), ("file", "a file")):
        with pytest.raises(DataError, match=f"{name}: expected a folder of images, found {found}"):
            label_server(tmp_path / name)


def test_an_empty_folder_and_a_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("datastore_v2.json", ".lock"):  # MONAI Label's own
        (tmp_path / name).touch()
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        with pytest.raises(DataError, match=rf"127\.0\.0\.1:{port}: expected a free port, found: .*in use; give anot"):
            label_server(tmp_path, port=port)
    assert "no images in this folder itself" in capsys.readouterr().out


@pytest.mark.parametrize("port", [-1, 70000, "no"])
def test_a_port_that_cannot_be(port: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"127.0.0.1:{port}: expected a free port"):
        label_server(tmp_path, port=port)


def test_what_a_client_is_told() -> None:
    bad = RuntimeError("applying transform")
    bad.__cause__ = DataError("a.nii.gz: expected a readable image, found none")
    assert status_and_reason(bad) == (422, "a.nii.gz: expected a readable image, found none")
    assert status_and_reason(KeyError("x\n y")) == (500, "KeyError: 'x\\n y'")
    own = type("MONAILabelException", (Exception,), {"__module__": "monailabel.interfaces", "msg": "no such model"})
    assert status_and_reason(own(1, 2)) == (422, "no such model")

# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A server of ``monai-anomaly label-server`` in MONAI Label's own environment, and requests to it."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import requests

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHON = "MONAI_ANOMALY_LABEL_PYTHON"
ENVIRONMENT = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
WITHOUT = {"MONAI_LABEL_SESSIONS": "false", "MONAI_LABEL_DATASTORE_AUTO_RELOAD": "false"}
START, ANSWER = 180, 900
"""Seconds that a start and an answer may take."""


def label_python() -> Path | None:
    """The interpreter with MONAI Label: what the variable names, or else that of ``.label`` in the repository."""
    python = Path(os.environ.get(PYTHON) or REPOSITORY / ".label" / "bin" / "python")
    return python if python.is_file() else None


@dataclass(frozen=True)
class Answer:
    """What came back: ``status`` of HTTP, the bytes, and how long it took."""

    status: int
    content: bytes
    seconds: float

    @property
    def image(self) -> nib.Nifti1Image:
        """It as a compressed NIfTI."""
        return nib.Nifti1Image.from_bytes(gzip.decompress(self.content))

    @property
    def json(self) -> Any:
        """It as JSON."""
        return json.loads(self.content)


class LabelServer:
    """A server at a free port of this machine; ``with`` starts and ends it.

    Args:
        python: interpreter with MONAI Label.
        work: folder for app and log.
        studies: folder of the images.
        bundles: their folders.

    Raises:
        RuntimeError: when it does not start; with the end of its log.
    """

    def __init__(self, python: Path, work: Path, studies: Path, bundles: Sequence[Path]) -> None:
        self.python, self.work, self.studies, self.bundles = python, work, studies, bundles
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = work / "server.log"

    @property
    def command(self) -> list[str]:
        """That starts it."""
        bundles = ",".join(repr(str(bundle)) for bundle in self.bundles)
        options = ["--bundles", f"[{bundles}]", "--app", str(self.work / "app"), "--port", str(self.port)]
        return [str(self.python), "-m", "monai_anomaly", "label-server", str(self.studies), *options]

    @property
    def environment(self) -> dict[str, str]:
        """Of its process: this repository's package, one thread, nothing from the network."""
        return {**os.environ, **ENVIRONMENT, **WITHOUT}

    @property
    def log(self) -> str:
        """What it printed."""
        return self.log_file.read_text(encoding="utf-8")

    def __enter__(self) -> LabelServer:
        with open(self.log_file, "w") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.work, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + START
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.info()
                return self
            except requests.ConnectionError:
                time.sleep(0.5)
        self.process.kill()
        raise RuntimeError(f"{' '.join(self.command)}\n{self.log[-3000:]}")

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    def info(self) -> Any:
        """Models and their options."""
        return requests.get(f"{self.url}/info/", timeout=30).json()

    def ask(
        self, bundle: str, image: str = "", output: str = "image", file: Path | None = None, **params: Any
    ) -> Answer:
        """Ask a bundle for a result.

        Args:
            bundle: its name.
            image: name of one of the studies.
            output: ``"image"`` or ``"json"``.
            file: an image to upload in place of one of the studies.
            params: options of the request.
        """
        query = {"image": image, "output": output} if image else {"output": output}
        form = {"params": json.dumps({"device": "cpu", **params})}
        start = time.monotonic()
        files = None if file is None else {"file": (file.name, file.read_bytes())}
        done = requests.post(f"{self.url}/infer/{bundle}", params=query, data=form, files=files, timeout=ANSWER)
        return Answer(done.status_code, done.content, time.monotonic() - start)

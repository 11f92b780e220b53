# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import html
from pathlib import Path
from string import Template

__all__ = ["REPORT", "RESEARCH_ONLY", "html_page", "page_part", "plain"]

REPORT = "report.html"
RESEARCH_ONLY = "For research use only. Not a medical device; not for diagnosis or treatment."


@functools.lru_cache
def page_part(name: str) -> str:
    """The text of a file beside this module."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def plain(name: str) -> str:
    """A name as HTML, also of a file whose name is no valid text."""
    return html.escape(name.encode("utf-8", "backslashreplace").decode())


def html_page(title: str, body: str, script: str = "") -> str:
    """A page in the style of the pictures that needs no other file and no network.

    Args:
        title: plain text.
        body: HTML.
        script: JavaScript, run at the end.
    """
    page = Template(page_part("page.html"))
    return page.substitute(title=plain(title), style=page_part("page.css"), body=body, script=script)

# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Pages of results that a person looks through in a browser, each in one file."""

from __future__ import annotations

from .case_report import write_case_report
from .layer import ReportLayer
from .page import REPORT, RESEARCH_ONLY, html_page
from .report_index import write_report_index

__all__ = ["REPORT", "RESEARCH_ONLY", "ReportLayer", "html_page", "write_case_report", "write_report_index"]

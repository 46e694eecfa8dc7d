"""The page of a made-up report, which takes seconds of CPU to draw."""

import pytest

from eval.reports.rendering.html import to_html
from tests.support.made_report import made_report
from tests.support.once_a_run import once_a_run


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """The page, drawn once a run."""
    return once_a_run(tmp_path_factory, "report.html", lambda path: path.write_text(to_html(made_report()))).read_text()

"""The JSON of a report keeps to its schema, and says everything as it is."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

import eval.reports.rendering
from eval.reports.model import Column, Estimate, Section, Table
from eval.reports.rendering.json_form import FORMAT, to_json
from tests.support.made_report import HOSTILE, made_report

SCHEMA = Path(eval.reports.rendering.__file__).parent / "report.schema.json"


def schema_of_a_report():
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))


def test_a_report_with_every_kind_of_block_keeps_to_the_schema():
    value = json.loads(to_json(made_report()))
    assert [str(error) for error in schema_of_a_report().iter_errors(value)] == []
    kinds = {block["kind"] for section in value["sections"] for block in section["blocks"]}
    assert kinds == {"prose", "terms", "facts", "table", "chart", "charts", "rankedqueries"}
    assert value["format"] == FORMAT
    assert value["tenants"] == ["acme", "default"]
    assert HOSTILE in to_json(made_report()).replace('\\"', '"')


def test_the_schema_refuses_what_the_format_does_not_have():
    value = json.loads(to_json(made_report()))
    value["sections"][0]["blocks"][0]["colour"] = "red"
    assert not schema_of_a_report().is_valid(value)


def test_a_value_that_is_not_finite_is_refused():
    table = Table("", [Column("value", "score")], [(Estimate(float("nan")),)])
    report = replace(made_report(), sections=[Section("odd", "Odd", [table])])
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(report)

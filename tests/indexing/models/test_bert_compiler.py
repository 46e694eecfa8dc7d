"""Only a BERT of the known kind is compiled without torch."""

import json

import pytest

from indexing.errors import InvalidInput
from indexing.models.bert_compiler import compile_bert

BERT = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}


@pytest.mark.parametrize(
    "other", [{"model_type": "mpnet"}, {"hidden_act": "gelu_new"}, {"position_embedding_type": "relative_key"}]
)
def test_another_kind_of_model_is_refused_by_what_it_is(tmp_path, other):
    (tmp_path / "config.json").write_text(json.dumps(BERT | other))
    with pytest.raises(InvalidInput, match=f"{next(iter(other.values()))}.*expected bert, gelu, absolute.*torch"):
        compile_bert(tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]

"""So many uploads arrive at once, and no tenant takes the places of the others."""

from contextlib import ExitStack

import pytest

from app.access.upload_limit import UploadLimit
from indexing.errors import Overloaded


def test_a_tenant_takes_its_share_and_leaves_a_place_to_others():
    limit = UploadLimit(most=3, most_of_tenant=2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(limit.take("acme"))
        with pytest.raises(Overloaded, match="2 uploads of this tenant"), limit.take("acme"):
            pass
        stack.enter_context(limit.take("rival"))
        with pytest.raises(Overloaded, match="3 uploads arrive"), limit.take("third"):
            pass
    with limit.take("third"):
        pass

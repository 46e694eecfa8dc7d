"""Transformations: the code that computes a document view's values, known by name and by the sha256 of its source."""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from indexing.errors import FeatureViewChanged, InvalidInput
from indexing.features.document_stats import document_stats
from indexing.features.views import DocumentView, Scalar
from indexing.records import Document

Compute: TypeAlias = Callable[[Document], Mapping[str, Scalar]]
"""A document to its stored values by column; a pure function."""


@dataclass(frozen=True, slots=True)
class Transformation:
    """A function from a document to values. Its module holds nothing else, so the module's source is its code."""

    name: str
    compute: Compute

    @property
    def code_sha256(self) -> str:
        """The sha256 of the module that holds ``compute``, with line feeds for line ends."""
        module = inspect.getmodule(self.compute)
        if module is None:
            raise InvalidInput(f"The source of the transformation {self.name!r} is not there: install it with sources.")
        return hashlib.sha256(inspect.getsource(module).replace("\r\n", "\n").encode()).hexdigest()


Transformations: TypeAlias = Mapping[str, Transformation]
TRANSFORMATIONS: Transformations = {"document_stats": Transformation("document_stats", document_stats)}


def transformation_of(view: DocumentView, known: Transformations = TRANSFORMATIONS) -> Transformation:
    """What computes a view's values, whatever its code is now.

    Raises:
        InvalidInput: the view is one that values are pushed to, or its transformation is unknown here.
    """
    if view.transformation is None:
        raise InvalidInput(
            f"The document view {view.name}@{view.version} has no transformation: its values are pushed with"
            " 'groundwork features push'."
        )
    found = known.get(view.transformation)
    if found is None:
        raise InvalidInput(
            f"The transformation {view.transformation!r} of {view.name}@{view.version} is unknown:"
            f" expected one of {', '.join(sorted(known))}."
        )
    return found


def require_code(view: DocumentView, transformation: Transformation) -> None:
    """Refuse to compute a view's values with other code than its definition names.

    Raises:
        FeatureViewChanged: the code is another one.
    """
    if transformation.code_sha256 != view.code_sha256:
        raise FeatureViewChanged(
            f"The code of the transformation {transformation.name!r} is {transformation.code_sha256[:12]}, and the"
            f" document view {view.name}@{view.version} names {str(view.code_sha256)[:12]}: values of both would be"
            f" mixed. Install the version that has that code, or add version {view.version + 1} of the view."
        )

"""The group ``groundwork eval``, to which each file of this folder adds its command."""

import click


@click.group("eval")
def evaluation() -> None:
    """Measure retrieval quality."""

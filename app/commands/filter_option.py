"""The option ``--filter``, which several commands take."""

import click

filter_option = click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="FILTER",
    help="Only documents whose metadata fits: KEY=VALUE, or with !=, >, >=, <, <=; or the API's JSON. Several must all"
    " fit.",
)
"""Its texts are for ``app.schemas.filter_texts.filter_from``."""

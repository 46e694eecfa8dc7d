"""The later steps of the catalogue's schema: query sets, verdicts, alerts. Append only, like the steps before."""

from indexing.catalogue.migrations import catalogue_migrations

__all__ = ["catalogue_migrations"]

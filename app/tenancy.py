"""Tenancy: an API key to its tenant. The tenant comes from the key and from nothing else."""

from indexing.catalogue import Catalogue
from indexing.errors import Unauthorized


def tenant_of(catalogue: Catalogue, authorization: str | None) -> str:
    """The tenant of an ``Authorization: Bearer KEY`` header.

    Raises:
        Unauthorized: the header is missing or malformed, or the key is unknown, expired or revoked.
    """
    if not authorization:
        raise Unauthorized("No API key: send the header 'Authorization: Bearer KEY'.")
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("The Authorization header is not 'Bearer KEY'.")
    tenant = catalogue.tenant_of_key(key.strip())
    if tenant is None:
        raise Unauthorized("This API key is unknown, expired or revoked.")
    return tenant

"""What writes the generated half of groundwork_client from the OpenAPI document: ``python -m client.generator``."""

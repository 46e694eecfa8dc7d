"""What ``make client`` writes from the OpenAPI document of the API."""

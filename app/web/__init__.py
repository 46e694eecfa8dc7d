"""What stands between HTTP and the services: middleware, authenticated routes, problems, dependencies."""

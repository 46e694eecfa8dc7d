"""Processes on a port: the supervisor and its workers."""

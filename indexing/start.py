"""The console script: sets the environment first, then loads the command."""

from indexing.settings import limit_native_threads


def main() -> None:
    """Run ``groundwork``. Native libraries read their thread counts when they are loaded, hence the late import."""
    limit_native_threads()
    from indexing.cli import main as command

    command()

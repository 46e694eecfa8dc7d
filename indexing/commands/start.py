"""The console script: sets the environment first, then loads the command."""

from indexing.process_start import prepare


def main() -> None:
    """Run ``groundwork``."""
    prepare()
    from indexing.commands.root import main as command

    command()

"""What callers are told of an error of ours, and what is counted and logged of it, whatever the shape of the answer."""

import logging

from app.services.state import Services
from indexing.errors import DeadlineExceeded, GroundworkError, public_text

logger = logging.getLogger(__name__)


def tell(services: Services, error: GroundworkError, status: int) -> str:
    """The message of an error as its caller may read it; what it may not is logged, and lateness is counted.

    ``status`` is the one of HTTP that the error stands for.
    """
    if isinstance(error, DeadlineExceeded):
        services.metrics.late.inc()
    message = public_text(str(error), services.home.path, quotes_caller=status < 500)
    if message != str(error):
        logger.error("request.failed", extra={"fields": {"error": type(error).__name__, "reason": str(error)}})
    return message

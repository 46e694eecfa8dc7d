"""Which HTTP status each error becomes, and which name a status has that no error of ours stands for.

Tests prove that both tables are complete.
"""

from indexing import errors

STATUS: dict[type[errors.GroundworkError], int] = {
    errors.GroundworkError: 500,
    errors.InvalidInput: 400,
    errors.SourceInvalid: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.RateLimited: 429,
    errors.QuotaExceeded: 429,
    errors.Overloaded: 503,
    errors.DeadlineExceeded: 504,
    errors.NotReady: 503,
    errors.ClientGone: 499,  # nginx's status for it
    errors.NotYetSearchable: 412,
    errors.PreconditionFailed: 412,
    errors.ArtefactMissing: 503,
    errors.ArtefactCorrupt: 503,
    errors.FormatUnknown: 503,
    errors.FeatureViewChanged: 409,
    errors.ParityLost: 409,
    errors.ModelMismatch: 503,
    errors.BuildFailed: 500,
    errors.BuildCancelled: 409,
    errors.AlreadyRunning: 409,
    errors.RolloutConflict: 409,
    errors.ReleaseBehind: 409,
    errors.ReleaseNotGated: 409,
    errors.TooManyRecipes: 409,
    errors.CatalogueBusy: 503,
    errors.CatalogueUnavailable: 503,
    errors.CatalogueReplaced: 503,
    errors.LedgerUnavailable: 503,
    errors.ServiceFailed: 502,
    errors.BudgetSpent: 503,
    errors.StorageFailed: 503,
    errors.StorageFull: 507,
}

NAMES: dict[int, str] = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    413: "PayloadTooLarge",
    414: "UriTooLong",
    415: "UnsupportedMediaType",
    422: "MalformedRequest",
    426: "UpgradeRequired",
    431: "HeadersTooLarge",
    500: "InternalError",
}
"""The ``error`` of an answer by its status, where no error of ours stands for it; the server's own answers included."""
OTHER_NAME = "HttpError"
"""The ``error`` of any other such answer."""

REFUSALS: dict[type[errors.GroundworkError], str] = {
    errors.Unauthorized: "key",
    errors.Forbidden: "scope",
    errors.RateLimited: "rate",
    errors.QuotaExceeded: "quota",
}
"""What is counted as a refusal of a caller, by its reason."""


def status_of(error: errors.GroundworkError) -> int:
    """The HTTP status of an error."""
    return STATUS[type(error)]


def name_of(status: int) -> str:
    """What the ``error`` of an answer says that no class of ``indexing.errors`` stands for."""
    return NAMES.get(status, OTHER_NAME)


def headers_of(error: errors.GroundworkError) -> dict[str, str]:
    """The headers that go with an error's status: ``Retry-After`` with 429 and 503, ``WWW-Authenticate`` with 401."""
    status = status_of(error)
    if status in (429, 503):
        return {"Retry-After": str(getattr(error, "retry_after_seconds", 1))}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {}

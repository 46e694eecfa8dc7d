"""Texts for registration: questions and the passage that answers each, to see what compiling a model costs.

Written for Groundwork. It is for comparing two forms of one model, not for judging a model.
"""

PARITY_PAIRS: tuple[tuple[str, str], ...] = (
    ("how do I change my password", "To set a new password open Settings, choose Security and select Change password."),
    (
        "why was my card refused",
        "A payment fails when the bank declines the card, the card expired or the limit was reached.",
    ),
    ("cancel subscription", "You can end your plan at any time; it stays active until the paid period is over."),
    ("export all customers to a spreadsheet", "Open Contacts, choose Export and download the list as a CSV file."),
    (
        "the api says too many requests",
        "Calls above the rate limit are answered with status 429 and a Retry-After header.",
    ),
    ("add a colleague to the workspace", "Admins invite teammates by e-mail; the invitation is valid for seven days."),
    ("two factor code is not accepted", "One-time codes depend on the clock of your phone: turn on automatic time."),
    ("restore something I deleted", "Deleted items stay in the bin for thirty days and can be put back from there."),
    ("where is my data stored", "Customer data is kept in the region chosen when the workspace was created."),
    (
        "calendar shows the wrong time",
        "Appointments appear shifted when the time zone of the calendar differs from yours.",
    ),
    ("emails land in spam", "Set up SPF, DKIM and DMARC for your domain so that mail providers trust your messages."),
    ("get money back", "Refunds are paid to the original payment method within five to ten working days."),
    (
        "webhook signature does not match",
        "Compute the HMAC over the raw request body, before any parsing, with the signing secret.",
    ),
    (
        "reduce the size of a container image",
        "Use a multi-stage build and copy only the compiled program into the last stage.",
    ),
    (
        "vitamin d and bone density",
        "Supplementation with cholecalciferol increased bone mineral density in older adults.",
    ),
    (
        "how do vaccines create immunity",
        "Immunisation leads to memory cells that produce antibodies at a later infection.",
    ),
    ("what makes the sky blue", "Short wavelengths of sunlight are scattered more strongly by molecules of the air."),
    ("capital of france", "Paris has been the seat of the French government for most of its history."),
    ("make bread rise", "Yeast ferments sugars in the dough and gives off carbon dioxide, which lifts it."),
    (
        "python list is empty after loop",
        "Removing elements while iterating over a list skips items; iterate over a copy.",
    ),
    (
        "pod keeps restarting",
        "A container that exits right after start is restarted with growing delays: CrashLoopBackOff.",
    ),
    ("fix a leaking tap", "Close the water supply, unscrew the handle and replace the worn washer inside the valve."),
    (
        "interest rates and inflation",
        "Central banks raise the cost of borrowing in order to slow the growth of prices.",
    ),
    ("what causes tides", "The gravity of the moon and the sun pulls the oceans and makes sea level rise and fall."),
    ("invoice shows wrong vat", "The tax on a bill follows the country of the billing address and a valid tax number."),
    ("limit on file uploads", "Attachments may be up to 25 megabytes each; larger files are shared by a link."),
    (
        "log in with company account",
        "Single sign-on lets people use their identity provider instead of a separate password.",
    ),
    ("merge duplicate records", "Select the entries that describe the same person and combine them into one."),
    (
        "distributed training on several machines",
        "Each worker computes gradients on its shard and all workers average them.",
    ),
    ("lift of a thin wing", "The lift coefficient of a slender airfoil grows linearly with its angle of attack."),
)

CANONICAL_TEXTS: tuple[str, ...] = (
    "canonical vector",
    "How do I reset a forgotten password?",
    "Retry-After: 120 seconds; error HL-4290 (rate limited).",
    "Größe, naïve café, 東京, Привет: text beyond ASCII.",
    "Groundwork turns a tenant's documents into versioned, sharded snapshots offline and serves low-latency hybrid"
    " retrieval over HTTP; every answer names the release and the snapshot that served it, and a release can be rolled"
    " back in one call. " * 6,
)
"""Texts whose vectors are stored with a model version and computed again at every start."""

PARITY_TEXTS: tuple[str, ...] = (
    *CANONICAL_TEXTS,
    *(question for question, _ in PARITY_PAIRS),
    *(answer for _, answer in PARITY_PAIRS),
)
"""What a compiled embedding model and its weights must agree on."""

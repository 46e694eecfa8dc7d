"""The commands about erasure: ``groundwork erase`` and ``groundwork erasures``."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.terminal import (
    as_json,
    collection_option,
    opened,
    print_json,
    print_table,
    remind_of_erasures,
    screen,
    short_time,
    tenant_option,
)
from indexing.errors import AlreadyRunning, GroundworkError, NotReady
from indexing.home import Home
from indexing.records import Partition
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.catalogue.erasures import Erasure
    from indexing.retention.document_locations import DocumentLocations
    from indexing.retention.erasure import ErasureReport

WAIT_SECONDS, ASK_SECONDS = 300.0, 0.2
"""How long an erasure waits for the end of a batch that is judged, and asks again in it. Source: our choice; a batch
takes a minute or so."""
NOT_REACHED = (
    "the sources, from which the next ingest reads the documents again",
    "backups, snapshots of the file system, and copies of the home on other hosts",
    "reports, query sets and judgments that were written to files outside of the home",
    "logs, and what Redis remembers of failed blocks for a day",
    "memory of an API process until it has switched, within GROUNDWORK_POLL_SECONDS plus the time to open the snapshot",
)
"""Where the text may still stand when an erasure is done."""


@click.command()
@click.argument("document_ids", nargs=-1, metavar="DOCUMENT_ID...")
@collection_option
@tenant_option
@click.option("--whole-collection", is_flag=True, help="Erase every document of --collection, which must be given.")
@click.option("--whole-tenant", is_flag=True, help="Erase every document of --tenant, and all that it ever asked.")
@click.option("--user", help="Erase from ledger and query sets all that this user of --tenant ever asked.")
@click.option("--resume", is_flag=True, help="Only finish erasures that were interrupted.")
@click.option("--no-workers", is_flag=True, help="State that all workers are stopped; needed where Redis cannot say.")
@click.option("--yes", is_flag=True, help="Do it; without this it only says what it would erase.")
@as_json
@click.pass_obj
def erase(settings: Settings, /, document_ids: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Erase documents from everything that is retained: catalogue, shards of every release, vectors, ledger, leftovers.

    Also older versions, and documents that were deleted before. Releases keep their numbers and get new snapshots, so
    what they answered can not be replayed. While a build, a registration or a backup runs, it refuses.
    """
    _check(document_ids, options)
    chosen = None if options["whole_collection"] or options["whole_tenant"] else frozenset(document_ids)
    partition = Partition(options["tenant"], options["collection"])
    yes = bool(options["yes"])
    with opened(settings) as home, _alone(home), home.reserve.given_up(), screen.status("looking") as status:
        try:
            if yes:
                _quieten(home, options["no_workers"])
            on_step = status.update if yes else None
            reports = [
                report
                for one in _partitions(home, partition, is_whole=options["whole_tenant"], user=options["user"])
                for report in _run(home, one, chosen, options["resume"], on_step)
            ]
            requests = _erase_requests(home, partition.tenant, options, yes=yes)
            quality = _erase_quality(home, partition.tenant, options, yes=yes)
            files = _erase_files(home, partition.tenant, is_whole=options["whole_tenant"], yes=yes)
        except GroundworkError:
            remind_of_erasures(home)
            raise
    if as_json:
        found = {"erasures": [asdict(one) for one in reports], "requests": requests, "quality_rows": quality}
        found["files"] = files
        print_json({"erased": yes, **found, "not_reached": NOT_REACHED})
        return
    for report in reports:
        _show(report, yes)
    if requests is not None:
        whose = f"tenant {partition.tenant}" if options["user"] is None else f"the user, of tenant {partition.tenant}"
        click.echo(f"{_verb(yes)}: {requests:,} rows of the ledger, all that {whose} asked")
        click.echo(f"{_verb(yes)}: {quality:,} rows of query sets and judged samples that came from {whose}")
        if files is not None:
            click.echo(f"{_verb(yes)}: {files:,} files that clients of tenant {partition.tenant} brought")
    elif not reports:
        click.echo("nothing to resume")


def _check(document_ids: tuple[str, ...], options: dict[str, Any]) -> None:
    chosen = (*(options[name] for name in ("whole_collection", "whole_tenant", "resume")), options["user"] is not None)
    if sum((bool(document_ids), *chosen)) != 1:
        raise click.UsageError(
            "Give either DOCUMENT_ID..., or --whole-collection, or --whole-tenant, or --user, or --resume."
        )
    for option, place in (("whole_collection", "collection"), ("whole_tenant", "tenant"), ("user", "tenant")):
        source = click.get_current_context().get_parameter_source(place)
        if options[option] and source is click.core.ParameterSource.DEFAULT:
            name = option.replace("_", "-")
            raise click.UsageError(f"--{name} needs --{place}, also for the {place} 'default'.")


@contextmanager
def _free(home: Home, lock: str, what: str) -> Iterator[None]:
    """Hold a lock once it is free: what judges a whole set lets go of it after each batch, for a moment."""
    ends = monotonic() + WAIT_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(home.storage.lock(lock, what))
            except AlreadyRunning:
                if monotonic() >= ends:
                    raise
                sleep(ASK_SECONDS)
            else:
                break
        yield


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Let no build, registration or evaluation write meanwhile, and no backup copy."""
    from indexing.backups.backup import files_kept
    from indexing.retention.evaluation_files import scratch_idle
    from indexing.retention.judgement_files import JUDGE_LOCK
    from indexing.retention.stored_reports import REPORT_LOCK
    from indexing.storage.store import BUILD_LOCK

    with (
        home.storage.lock(BUILD_LOCK),
        home.models.registering(),
        files_kept(home),
        _free(home, JUDGE_LOCK, "judging of samples"),
        home.storage.lock(REPORT_LOCK, "report"),
        scratch_idle(home.path),
    ):
        yield


def _partitions(home: Home, partition: Partition, *, is_whole: bool, user: str | None) -> list[Partition]:
    """The collections whose documents are erased; of a whole tenant those that hold any."""
    from indexing.retention.tenant_erasure import partitions_of

    if user is not None:
        return []
    return partitions_of(home, partition.tenant) if is_whole else [partition]


def _erase_requests(home: Home, tenant: str, options: dict[str, Any], *, yes: bool) -> int | None:
    """Erase, or only count, what a tenant or a user asked; ``None`` where documents alone are erased."""
    from indexing.ledger.erasure import OfTenant, count_rows, erase_rows
    from indexing.retention.stored_reports import remove_reports
    from indexing.retention.tenant_erasure import user_scope

    if options["user"] is None and not options["whole_tenant"]:
        return None
    scope = OfTenant(tenant) if options["user"] is None else user_scope(home, tenant, options["user"])
    if yes:
        remove_reports(home.path, tenant)
    return erase_rows(home.ledger, scope) if yes else count_rows(home.ledger, scope)


def _erase_quality(home: Home, tenant: str, options: dict[str, Any], *, yes: bool) -> int | None:
    """Erase, or only count, what is kept of the quality of what a tenant or a user asked; else ``None``."""
    from indexing.retention import quality_rows

    user = options["user"]
    if user is None and not options["whole_tenant"]:
        return None
    if user is None:
        count = quality_rows.count_quality_of_tenant(home, tenant)
    else:
        count = quality_rows.count_quality_of_user(home, tenant, user)
    if yes:
        if user is None:
            quality_rows.erase_quality_of_tenant(home, tenant)
        else:
            quality_rows.erase_quality_of_user(home, tenant, user)
        home.catalogue.compact()
    return count


def _erase_files(home: Home, tenant: str, *, is_whole: bool, yes: bool) -> int | None:
    """Erase, or only count, the files of a whole tenant that no erasure of a collection took; else ``None``."""
    from indexing.catalogue.files import forget_files_of_tenant
    from indexing.uploads.stored_files import sweep_files

    if not is_whole:
        return None
    count = forget_files_of_tenant(home.catalogue, tenant, is_counted_only=not yes)
    if yes:
        sweep_files(home)
        home.catalogue.compact()
    return count


def _run(
    home: Home, partition: Partition, ids: frozenset[str] | None, only_resume: bool, on_step: Any
) -> "list[ErasureReport]":
    """Erase, after finishing what was interrupted; without ``on_step`` only look."""
    from indexing.catalogue.erasures import unfinished_erasures
    from indexing.retention.document_locations import find_documents
    from indexing.retention.erasure import erase as run
    from indexing.retention.erasure import foresee, foresee_rest, resume
    from indexing.retention.reachability import needed_vectors

    needed = partial(needed_vectors, home)
    pending = unfinished_erasures(home.catalogue)
    if on_step is None:
        if only_resume:
            return [foresee_rest(home, one, needed) for one in pending]
        return [foresee(home, find_documents(home, partition, ids), needed)]
    reports = [resume(home, one, needed, on_step, sleep) for one in pending]
    found = None if only_resume else _find(home, partition, ids, pending)
    return reports if found is None else [*reports, run(home, found, needed, on_step, sleep)]


def _find(
    home: Home, partition: Partition, ids: frozenset[str] | None, resumed: "list[Erasure]"
) -> "DocumentLocations | None":
    """The documents that were asked for; ``None`` when finishing an interrupted erasure has just erased them all."""
    from indexing.catalogue.erasures import last_erasure_of
    from indexing.retention.document_locations import find_documents, look

    if resumed:
        numbers = {erasure.id for erasure in resumed}
        present = look(home, partition, ids).ids
        if ids is None and not present and any(erasure.partition == partition for erasure in resumed):
            return None
        if ids is not None:
            last = {name: last_erasure_of(home.catalogue, partition, name) for name in ids - present}
            ids -= {name for name, erasure in last.items() if erasure is not None and erasure.id in numbers}
            if not ids:
                return None
    return find_documents(home, partition, ids)


def _quieten(home: Home, are_stopped: bool) -> None:
    """Let no worker store what it holds after the erasure: it may outlive the build that gave it a block.

    Args:
        home: Whose workers.
        are_stopped: The operator states that all are stopped; this counts where Redis cannot say.

    Raises:
        AlreadyRunning: a worker still does a block.
        NotReady: it is unknown whether one does.
    """
    from indexing.builds.tasks import withdraw_tasks
    from indexing.catalogue.jobs import newest_job_on_workers

    withdraw_tasks(home.storage)  # so that none begins with one
    if home.settings.redis_url is None:
        job = newest_job_on_workers(home.catalogue)
        if job is not None and job.state != "done" and not are_stopped:
            raise NotReady(
                f"Job {job.id} ran on workers and is {job.state}: one of them may still hold a document and store it"
                " later. Set GROUNDWORK_REDIS_URL, which tells, or stop all workers and give --no-workers."
            )
        return
    from redis import RedisError

    from indexing.builds.leases import Leases

    try:
        held = Leases(home.settings, home.storage).held()
    except RedisError as error:
        if are_stopped:
            return
        raise NotReady(
            f"Redis at {home.settings.redis_place} does not answer ({error}), so it is unknown whether a worker still"
            " holds a document: start it, or stop all workers and give --no-workers."
        ) from error
    if held:
        raise AlreadyRunning(f"A worker still does block {held[0]} of a build that ended: wait for it, or stop it.")


def _verb(yes: bool) -> str:
    return "erased" if yes else "would erase (do it with --yes)"


def _show(report: "ErasureReport", yes: bool) -> None:
    verb = f"erased (erasure {report.erasure})" if yes else _verb(yes)
    click.echo(f"{verb}: {report.documents} documents of {report.partition}, {report.in_catalogue} in the catalogue")
    click.echo(f"  releases that get a new snapshot: {', '.join(report.releases) or 'none'}")
    click.echo(f"  shards rewritten or removed: {report.shards}, snapshots: {report.snapshots}")
    click.echo(f"  feature blocks rewritten or removed: {report.feature_blocks}, inputs of jobs: {report.inputs}")
    click.echo(f"  reports removed: {report.reports}")
    click.echo(f"  evaluations changed: {report.evaluations}, scratch homes removed: {report.scratch_homes}")
    click.echo(f"  rows of the ledger that lose hits: {report.ledger_rows}")
    click.echo(
        f"  rows of query sets and of judges removed: {report.quality_rows}, judged samples: {report.judged_samples}"
    )
    for place in NOT_REACHED:
        click.echo(f"  not reached: {place}")


@click.group()
def erasures() -> None:
    """List erasures, without the ids or texts of what was erased."""


@erasures.command("list")
@as_json
@click.pass_obj
def erasures_list(settings: Settings, as_json: bool) -> None:
    """List all erasures, oldest first, with the releases whose snapshot each replaced."""
    from indexing.catalogue.erasures import list_erasures, list_rewrites

    with opened(settings) as home:
        rewrites = [asdict(one) for one in list_rewrites(home.catalogue)]
        rows = [
            {**asdict(one), "releases": [rewrite for rewrite in rewrites if rewrite["erasure"] == one.id]}
            for one in list_erasures(home.catalogue)
        ]
    if as_json:
        print_json(rows)
        return
    shown: list[list[object]] = [
        [
            row["id"],
            f"{row['tenant']}/{row['collection']}",
            row["documents"],
            row["state"],
            row["actor"],
            short_time(row["created_at"]),
            ", ".join(dict.fromkeys(one["release"] for one in row["releases"])),
        ]
        for row in rows
    ]
    print_table("erasures", ["id", "collection", "documents", "state", "by", "begun", "releases"], shown)

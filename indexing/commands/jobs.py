"""The commands ``groundwork worker``, ``builder`` and ``jobs``: what is built, by whom, and how it stands."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from indexing.commands.job_tables import (
    JobId,
    JobNumber,
    planned_as_json,
    preparation_as_json,
    print_plan,
    print_preparations,
    print_runs,
    run_as_json,
)
from indexing.commands.numbers import POSITIVE, FiniteRange
from indexing.commands.terminal import as_json, opened, print_json, print_table, progress_bar, screen, short_time
from indexing.commands.watching import running_schedule, watching
from indexing.errors import InvalidInput
from indexing.home import Home, require_home
from indexing.process_start import ENCODING, require_memory
from indexing.records import MAX_INTEGER
from indexing.settings import Settings, current_user

if TYPE_CHECKING:
    from indexing.builds.build import BuildReport
    from indexing.builds.context import BuildContext, Progress
    from indexing.builds.tasks import Executor
    from indexing.releases.recipes import Recipe


def executor_for(home: Home) -> "Callable[[int], Executor] | None":
    """What makes the executor of a build: workers where Redis is configured, else ``None`` for this process."""
    if home.settings.redis_url is None:
        return None
    require_redis(home.settings)
    from indexing.builds.remote_executor import WorkerExecutor
    from indexing.builds.tasks import TaskRunner

    runner = TaskRunner(home.storage, sessions=home.settings.sessions)
    return lambda job: WorkerExecutor(home.settings, home.storage, home.catalogue, runner, job, on_wait=screen.print)


def require_redis(settings: Settings) -> None:
    """Go on only when Redis answers; a person is told that it is waited for."""
    from indexing.builds.redis_check import require_redis as wait_for_redis

    wait_for_redis(settings, on_wait=lambda message: screen.print(message, markup=False, highlight=False))


@click.command()
@click.option("--concurrency", type=click.IntRange(1, 64), help="Processes; by default one a core.")
@click.option("--queues", help="Which queues to serve: embedding, indexing, evaluation; by default all.")
@click.option(
    "--memory-mb",
    default=2048,
    show_default=True,
    type=click.IntRange(256, MAX_INTEGER),
    help="A process that uses more is replaced after its task; a task that needs twice as much fails.",
)
@click.pass_obj
def worker(settings: Settings, concurrency: int | None, queues: str | None, memory_mb: int) -> None:
    """Do tasks: embed and write shards for builds, search for evaluations.

    Needs GROUNDWORK_REDIS_URL and the artefact store.
    """
    if settings.redis_url is None:
        raise InvalidInput("GROUNDWORK_REDIS_URL is not set: workers need Redis, such as redis://127.0.0.1:6379/0.")
    require_home(settings.home)
    require_memory(ENCODING, "groundwork worker")
    from indexing.builds.worker import every_queue, run_worker

    served = every_queue()
    names = list(served) if queues is None else queues.split(",")
    if unknown := sorted(set(names) - set(served)):
        raise InvalidInput(f"Queue {unknown[0]!r} is unknown: expected {' or '.join(served)}.")
    require_redis(settings)
    run_worker(settings, concurrency=concurrency or settings.sessions, queues=names, memory_mb=memory_mb)


@click.command()
@click.option("--every", type=FiniteRange(1, 2_592_000), metavar="SECONDS", help="Also build what changed, this often.")
@click.option("--once", is_flag=True, help="Run the build or preparation that is wanted now, if any, and end.")
@click.pass_obj
def builder(settings: Settings, every: float | None, once: bool) -> None:
    """Run the builds and preparations that the API asks for, one at a time, until told to stop.

    It builds every recipe that is open (the one in service first, then a candidate and those on standby), on workers
    where GROUNDWORK_REDIS_URL is set, and gives way to other processes of the machine. A build in progress is finished;
    a preparation goes on with the next builder. All the while a thread watches the open rollout, as 'groundwork
    rollouts watch' does, and another runs what is scheduled, as 'groundwork beat' does.
    """
    import os
    import signal
    import threading

    require_memory(ENCODING, "groundwork builder")
    from indexing.builds.asked_preparations import run_next_preparation
    from indexing.builds.build import build
    from indexing.builds.context import prepare_build
    from indexing.builds.open_recipes import build_each, recipes_to_build
    from indexing.builds.scheduler import Builder
    from indexing.catalogue.database import utc_now
    from indexing.commands.models import ensure_model
    from indexing.releases.recipe_choices import recipe_in_service
    from indexing.telemetry import configure_logging

    configure_logging(settings.log_level)
    os.nice(10)
    with opened(settings) as home:

        def context_of(recipe: "Recipe", on_progress: "Progress") -> "BuildContext":
            return prepare_build(home, recipe, on_progress=on_progress, executor_for=executor_for(home))

        def build_one(recipe: "Recipe") -> "BuildReport":
            report = build(prepare_build(home, recipe, executor_for=executor_for(home)))
            click.echo(
                f"release {report.release.number}: {report.documents} documents in {report.seconds:.1f} s", err=True
            )
            return report

        def run_build() -> None:
            ensure_model(home)
            build_each(recipes_to_build(home.catalogue, utc_now()) or [recipe_in_service(home)], build_one)

        one = Builder(home.catalogue, run_build, partial(run_next_preparation, home, context_of), every_seconds=every)
        if once:
            one.step()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with watching(home), running_schedule(home):
            one.run(stop)


@click.command()
@click.pass_obj
def beat(settings: Settings) -> None:
    """Run what is scheduled (see 'groundwork jobs schedule') until told to stop, with Celery's beat as the clock.

    It belongs on the home's host, and needs GROUNDWORK_REDIS_URL; without Redis 'groundwork builder' runs the same
    schedule. Where both run, the one with the lease does.
    """
    import signal

    if settings.redis_url is None:
        raise InvalidInput(
            "GROUNDWORK_REDIS_URL is not set: beat needs Redis, such as redis://127.0.0.1:6379/0. Without it"
            " 'groundwork builder' runs the schedule."
        )
    require_memory(ENCODING, "groundwork beat")
    from indexing.builds.worker import make_celery
    from indexing.schedule.beat import beat_service
    from indexing.schedule.jobs import scheduled_jobs
    from indexing.schedule.runner import ScheduleRunner
    from indexing.telemetry import configure_logging

    configure_logging(settings.log_level)
    with opened(settings) as home:
        require_redis(settings)
        runner = ScheduleRunner(home, scheduled_jobs())
        service = beat_service(make_celery(settings), runner)

        def stop(*_: object) -> None:
            runner.stop.set()
            service.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        service.start()


@click.group()
def jobs() -> None:
    """List, show and cancel builds, scheduled runs and preparations; build again what a build did not end."""


@jobs.command("list")
@as_json
@click.pass_obj
def jobs_list(settings: Settings, as_json: bool) -> None:
    """All builds, the last scheduled runs (ids begin with r) and preparations (with p), newest first."""
    from indexing.builds.abandoned_jobs import notice_abandoned_jobs
    from indexing.catalogue.jobs import list_jobs
    from indexing.catalogue.preparations import list_preparations
    from indexing.catalogue.schedule import list_runs

    with opened(settings) as home:
        notice_abandoned_jobs(home.catalogue, home.storage)
        rows = [asdict(job) for job in list_jobs(home.catalogue)]
        runs, preparations = list_runs(home.catalogue), list_preparations(home.catalogue)
    if as_json:
        print_json([*rows, *map(run_as_json, runs), *map(preparation_as_json, preparations)])
        return
    for row in rows:
        row |= {name: short_time(row[name]) for name in ("created_at", "finished_at")}
    columns = ["id", "recipe", "state", "on", "by", "begun", "ended", "error"]
    print_table("jobs", columns, [["" if cell is None else cell for cell in row.values()] for row in rows])
    if runs:
        print_runs(runs)
    if preparations:
        print_preparations(preparations)


@jobs.command("requests")
@as_json
@click.pass_obj
def jobs_requests(settings: Settings, as_json: bool) -> None:
    """The builds and preparations that are asked for and not done yet, what waits, and whether a builder runs."""
    from indexing.catalogue.build_requests import open_requests
    from indexing.catalogue.builder_heartbeat import builder_seen
    from indexing.catalogue.database import utc_now
    from indexing.catalogue.documents import count_waiting_for_build
    from indexing.catalogue.preparations import open_preparations
    from indexing.releases.deployments import built_seq

    with opened(settings) as home:
        requests = open_requests(home.catalogue)
        preparations = open_preparations(home.catalogue)
        waiting = count_waiting_for_build(home.catalogue, built_seq(home.catalogue))
        seen = builder_seen(home.catalogue)
    is_running = seen is not None and seen.is_running(utc_now())
    if as_json:
        builder = None if seen is None else {**asdict(seen), "is_running": is_running}
        rows = [asdict(request) for request in requests]
        print_json(
            {
                "requests": rows,
                "preparations": [preparation_as_json(one) for one in preparations],
                "documents_waiting": waiting,
                "builder": builder,
            }
        )
        return
    cells = [[one.id, one.tenant or "", short_time(one.created_at), one.seq, one.reason] for one in requests]
    print_table("requests", ["id", "tenant", "asked", "up to seq", "reason"], cells)
    if preparations:
        print_preparations(preparations)
    if is_running:
        state = "a builder runs"
    elif seen is None:
        state = "no builder was seen: run 'groundwork builder', or 'groundwork build' once"
    else:
        state = f"no builder was seen since {short_time(seen.seen_at)} ({seen.builder}): run 'groundwork builder'"
    click.echo(f"documents that wait for a build: {waiting}; {state}")


@jobs.command("show")
@click.argument("job", type=JobId())
@click.pass_obj
def jobs_show(settings: Settings, job: JobNumber) -> None:
    """JOB as JSON: a build and the tasks that it handed to workers, a scheduled run (r7), or a preparation (p7)."""
    from indexing.builds.abandoned_jobs import notice_abandoned_jobs
    from indexing.catalogue.jobs import job_tasks, read_job
    from indexing.catalogue.preparations import read_preparation
    from indexing.catalogue.schedule import read_run

    with opened(settings) as home:
        if job.of == "run":
            print_json(run_as_json(read_run(home.catalogue, job.number)))
            return
        if job.of == "preparation":
            print_json(preparation_as_json(read_preparation(home.catalogue, job.number)))
            return
        notice_abandoned_jobs(home.catalogue, home.storage)
        found = read_job(home.catalogue, job.number)
        print_json({**asdict(found), "blocks": job_tasks(home.catalogue, job.number)})


@jobs.command("cancel")
@click.argument("job", type=JobId())
@click.pass_obj
def jobs_cancel(settings: Settings, job: JobNumber) -> None:
    """Stop JOB: a build, a scheduled run (r7), or a preparation (p7); what was computed stays for the next one."""
    from indexing.builds.abandoned_jobs import notice_abandoned_jobs
    from indexing.catalogue.database import utc_now
    from indexing.catalogue.jobs import cancel_job
    from indexing.catalogue.preparations import cancel_preparation
    from indexing.catalogue.schedule import cancel_run

    with opened(settings) as home:
        if job.of == "run":
            cancel_run(home.catalogue, job.number, current_user(), utc_now())
            click.echo(f"run r{job.number} cancelled; it ends at its next step")
            return
        if job.of == "preparation":
            cancel_preparation(home.catalogue, job.number, current_user())
            click.echo(f"preparation p{job.number} cancelled; if it is built now, it ends at its next block")
            return
        notice_abandoned_jobs(home.catalogue, home.storage)
        cancel_job(home.catalogue, job.number)
    click.echo(f"job {job.number} cancelled; it ends at its next block, and a builder begins what it needs again")


@jobs.command("retry")
@click.argument("job", type=POSITIVE)
@click.pass_obj
def jobs_retry(settings: Settings, job: int) -> None:
    """Build the recipe of JOB again; only what is missing is done."""
    require_memory(ENCODING, "groundwork jobs retry")
    from indexing.builds.build import build
    from indexing.builds.context import prepare_build
    from indexing.catalogue.jobs import read_job
    from indexing.releases.recipes import read_recipe

    with opened(settings) as home, progress_bar() as progress:
        recipe = read_recipe(home.catalogue, read_job(home.catalogue, job).recipe)
        report = build(prepare_build(home, recipe, on_progress=progress, executor_for=executor_for(home)))
    click.echo(f"job {report.job} done: release {report.release.number}")


@jobs.command("schedule")
@as_json
@click.pass_obj
def jobs_schedule(settings: Settings, as_json: bool) -> None:
    """What runs by itself: when it is due next, and how it went last. 'groundwork beat' or 'builder' runs it."""
    from indexing.catalogue.database import utc_now
    from indexing.catalogue.process_lease import seen
    from indexing.schedule.jobs import scheduled_jobs
    from indexing.schedule.runner import plan

    with opened(settings) as home:
        planned = plan(home, scheduled_jobs(), utc_now())
        lease = seen(home.catalogue, "schedule_lease")
    holder = "" if lease is None else lease.holder
    if as_json:
        print_json({"jobs": [planned_as_json(one) for one in planned], "runner": holder or None})
        return
    print_plan(planned)
    seen_at = "" if lease is None else f", last seen {short_time(lease.renewed_at)}"
    click.echo(f"run by {holder}{seen_at}" if holder else "nothing runs it: start 'groundwork builder' or 'beat'")

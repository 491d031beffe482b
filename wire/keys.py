"""Every Redis key Needle writes itself, with its length and lifetime.

The catalog is the truth; everything here can be lost and is written again by a worker.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Stream entries kept (about 1.5 KB each for `events`).
EVENTS_LENGTH = 2_000
ACTIVITY_LENGTH = 1_000
#: Scans whose document is kept, and those whose list of problems is kept.
SCANS_KEPT = 100
PROBLEMS_SCANS_KEPT = 10
#: Older scans whose problems somebody looks at: as many lists more, for so many seconds.
RECALLED_KEPT = 5
RECALLED_TTL = 3600
#: Problems kept for one scan; the catalog has them all.
PROBLEMS_KEPT = 10_000
#: Refused messages of which the beginning is kept (about 1.5 KB each).
DEAD_KEPT = 100

#: Seconds.
DEAD_TTL = 7 * 24 * 3600
WORKER_TTL = 20
ROOT_TTL = 24 * 3600
BATCH_TTL = 3600
TROUBLE_TTL = 60
RECONCILED_TTL = 15
CONTROL_TTL = 7 * 24 * 3600
ANSWER_TTL = 60
#: How often the overview of the catalog is written while a scan changes it.
OVERVIEW_SECONDS = 60
SCHEDULE_TTL = 180
ALERTS_TURN_TTL = 45
UPKEEP_SECONDS = 24 * 3600
WATCH_TTL = 30
#: Somebody who does not come back for so long signs in again.
SESSION_SECONDS = 30 * 24 * 3600
LOGIN_SECONDS = 600

#: The metrics.  A field more than these in one hash is dropped and counted.
METRIC_FIELDS = 20_000
#: Recent tasks that are kept, and for how long.
RECENT_TASKS = 3_000
RECENT_TTL = 7 * 24 * 3600
#: A worker that is silent for so long is no longer counted apart.
HOST_TTL = 600
FLUSHED_TTL = 3600
SIZES_DAY_TTL = 40 * 24 * 3600
FINDINGS_TTL = 30 * 24 * 3600
#: Roll-ups: seconds of a span -> seconds that it is kept.
TREND_TTLS = {60: 26 * 3600, 3600: 10 * 24 * 3600, 86_400: 400 * 24 * 3600}


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys under one prefix."""

    prefix: str = "needle"

    @property
    def epoch(self) -> str:
        """String: random id of this Redis's contents; another value means that it was emptied."""
        return f"{self.prefix}:epoch"

    @property
    def events(self) -> str:
        """Stream of `ScanChanged`, `ScanAt`, `WorkerBeat`, `WorkerGone`: see `wire.events`."""
        return f"{self.prefix}:events"

    @property
    def activity(self) -> str:
        """Stream of `Activity`: who did what."""
        return f"{self.prefix}:activity"

    @property
    def scans(self) -> str:
        """Sorted set of scan ids by `requested_at`."""
        return f"{self.prefix}:scans"

    @property
    def active(self) -> str:
        """Hash: root id -> id of the scan that has it, while that scan is not final."""
        return f"{self.prefix}:active"

    def scan(self, scan_id: str) -> str:
        """Hash of one scan: `revision` (int) and `doc` (JSON of `wire.events.Scan`)."""
        return f"{self.prefix}:scan:{scan_id}"

    def problems(self, scan_id: str) -> str:
        """Sorted set of the scan's problems: JSON of `wire.events.Problem` by its `id`."""
        return f"{self.prefix}:scan:{scan_id}:problems"

    @property
    def recalled(self) -> str:
        """List: ids of the old scans whose problems were written again, latest first."""
        return f"{self.prefix}:recalled"

    def control(self, scan_id: str) -> str:
        """Hash: `stop` and `pause`, each the name of who asked.  Absent: run."""
        return f"{self.prefix}:scan:{scan_id}:control"

    def batch(self, batch_id: int) -> str:
        """String: the rows of one batch on their way to the catalog (zlib-compressed JSON)."""
        return f"{self.prefix}:batch:{batch_id}"

    @property
    def overview(self) -> str:
        """String: JSON of `wire.answers.Overview`, as it was when a scan ended, or a minute ago."""
        return f"{self.prefix}:overview"

    @property
    def overview_due(self) -> str:
        """String with a TTL: while it is there the overview of a running scan is new enough."""
        return f"{self.prefix}:overview:due"

    def answer(self, answer_id: str) -> str:
        """List with one entry: the answer to a question, see `wire.answers`; expires."""
        return f"{self.prefix}:answer:{answer_id}"

    def session(self, digest: str) -> str:
        """String: JSON of `web.sessions.Session`; lives `SESSION_SECONDS` after its last use."""
        return f"{self.prefix}:session:{digest}"

    @property
    def sessions(self) -> str:
        """Sorted set: digest of a session by when it was begun; some may have expired."""
        return f"{self.prefix}:sessions"

    def login(self, digest: str) -> str:
        """String: the role that a one-time login code gives; `LOGIN_SECONDS`."""
        return f"{self.prefix}:login:{digest}"

    @property
    def workers(self) -> str:
        """Sorted set: worker name by the time of its last beat."""
        return f"{self.prefix}:workers"

    def worker(self, name: str) -> str:
        """String: JSON of the last `wire.events.WorkerBeat` of a worker; expires."""
        return f"{self.prefix}:worker:{name}"

    @property
    def roots(self) -> str:
        """Hash: root id -> JSON of `wire.events.RootStatus`."""
        return f"{self.prefix}:roots"

    @property
    def restored(self) -> str:
        """String: the catalog's scans were written here since Redis was last emptied."""
        return f"{self.prefix}:restored"

    @property
    def trouble(self) -> str:
        """String with a TTL: why the catalog cannot be used, while it cannot."""
        return f"{self.prefix}:trouble"

    @property
    def refused(self) -> str:
        """String: how many messages were refused, until none was for a week."""
        return f"{self.prefix}:refused"

    @property
    def dead(self) -> str:
        """List: JSON of `wire.refusals.RefusedMessage`, latest first; cut, and expires."""
        return f"{self.prefix}:dead"

    @property
    def steward(self) -> str:
        """String with a TTL: the worker whose turn it is to reconcile."""
        return f"{self.prefix}:steward"

    @property
    def reconciled(self) -> str:
        """String with a TTL: scans were put right a moment ago, so some pool process is free."""
        return f"{self.prefix}:reconciled"

    @property
    def upkeep(self) -> str:
        """String with a TTL: what is to be done once a day was asked for."""
        return f"{self.prefix}:upkeep"

    @property
    def schedule(self) -> str:
        """String: JSON of `wire.schedule.ScheduleStatus`; expires."""
        return f"{self.prefix}:schedule"

    @property
    def schedule_turn(self) -> str:
        """String with a TTL: somebody is starting what is due."""
        return f"{self.prefix}:schedule:turn"

    @property
    def scheduled(self) -> str:
        """Hash: `<root id>:<mode>` -> when the last scheduled scan began, epoch seconds."""
        return f"{self.prefix}:schedule:started"

    def awake(self, scan_id: str) -> str:
        """String: somebody let this scan go on although it is quiet; expires with the quiet."""
        return f"{self.prefix}:scan:{scan_id}:awake"

    @property
    def watch(self) -> str:
        """String: JSON of `wire.schedule.WatchStatus`; expires."""
        return f"{self.prefix}:watch"

    @property
    def changed(self) -> str:
        """Hash: root id -> folder in it (see `wire.text.path_to_wire`) that is to be scanned."""
        return f"{self.prefix}:watch:changed"

    @property
    def alerts(self) -> str:
        """Hash: id of an alert -> JSON of `wire.alerts.Alert`."""
        return f"{self.prefix}:alerts"

    @property
    def silences(self) -> str:
        """Hash: id of an alert, or name of a rule -> JSON of `wire.alerts.Silence`."""
        return f"{self.prefix}:alerts:silences"

    @property
    def alerts_turn(self) -> str:
        """String with a TTL: the web process that evaluates alerts."""
        return f"{self.prefix}:alerts:turn"

    @property
    def metrics_totals(self) -> str:
        """Hash of counters, never decreasing: `wire.metrics.read_totals`."""
        return f"{self.prefix}:metrics:totals"

    @property
    def metrics_hosts(self) -> str:
        """Sorted set: workers and producers (`name@host`) by the time of their last flush."""
        return f"{self.prefix}:metrics:hosts"

    def metrics_host(self, host: str) -> str:
        """Hash of one worker's or producer's counters; expires: `wire.metrics.read_host`."""
        return f"{self.prefix}:metrics:host:{host}"

    def metrics_trend(self, span: int, at: int) -> str:
        """Hash of what happened in `span` seconds (60, 3600, 86400) from `at` on; expires."""
        return f"{self.prefix}:metrics:{span}:{at}"

    @property
    def metrics_domain(self) -> str:
        """Hash of the application's own metrics: `wire.domain.read_domain`."""
        return f"{self.prefix}:metrics:domain"

    def metrics_flushed(self, process: str) -> str:
        """String: the number of the last flush of a process; expires."""
        return f"{self.prefix}:metrics:flushed:{process}"

    @property
    def metrics_turn(self) -> str:
        """String with a TTL: the worker that samples queues and workers this minute."""
        return f"{self.prefix}:metrics:turn"

    @property
    def recent(self) -> str:
        """Sorted set: ids of recent tasks by the time of their last change."""
        return f"{self.prefix}:tasks"

    @property
    def recent_tasks(self) -> str:
        """Hash: task id -> its record, `wire.tasks.read_record`."""
        return f"{self.prefix}:tasks:records"

    @property
    def sizes(self) -> str:
        """Hash of sizes since the last reset: `wire.payloads.read_sizes`."""
        return f"{self.prefix}:sizes"

    @property
    def sizes_since(self) -> str:
        """String: when the measurements were reset last, epoch seconds."""
        return f"{self.prefix}:sizes:since"

    @property
    def sizes_turn(self) -> str:
        """String with a TTL: the worker that keeps the limits, in automatic mode."""
        return f"{self.prefix}:sizes:turn"

    def sizes_day(self, day: str) -> str:
        """Hash of the sizes of one day (UTC, `2026-11-21`); expires: `read_sizes`."""
        return f"{self.prefix}:sizes:{day}"

    @property
    def size_limits(self) -> str:
        """String: JSON of `wire.payloads.SizeLimits`; absent: Celery's own limits."""
        return f"{self.prefix}:sizes:limits"

    @property
    def findings(self) -> str:
        """Hash of what JSON cannot hold; expires: `wire.payloads.read_findings`."""
        return f"{self.prefix}:sizes:findings"

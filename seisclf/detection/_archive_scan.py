"""A scan of an archive: planning, storing, and resuming."""

import contextlib
import json
import tempfile
import warnings

import numpy as np

from ..io._grid import sample_time
from ..io._selection import span_ns
from ._archive_source import source_of
from ._fingerprint import describe_run, differences
from ._prepare import preparation
from ._scan_catalogue import detections_of, detections_of_day
from ._scan_findings import known_findings
from ._scan_plan import Chosen, plan_tasks
from ._scan_progress import ScanProgress
from ._scan_store import ScanStore
from ._scan_workers import results_of
from ._task_run import ScanContext, run_task
from ._tasks import plan_groups

_DAY_NS = 86_400 * 10**9
# Seconds of a task: enough for margins not to count, little enough for any machine's memory.
_CHUNK, _CHUNK_OF_FUNCTIONS = 6 * 3600.0, 2 * 3600.0


def scan_archive(
    detector, archive, *, output, start, end, chunk, n_jobs, prepare, progress, resume
):
    """Scan an archive, see :meth:`EventDetector.scan`."""
    show = detector.progress or None if progress is None else progress
    start_ns, end_ns = span_ns(start, end)
    prepare = preparation(prepare)
    source = source_of(archive, progress=bool(show), n_jobs=n_jobs)
    groups, skipped = plan_groups(detector, source.channels(), start_ns=start_ns, end_ns=end_ns)
    if not groups:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        reasons = reasons or (
            f"{source.describe()} holds no waveforms that can be read: "
            f"seisclf.io.read_archive(path).report.files says why"
        )
        raise ValueError(f"no station can be scanned. {reasons}")
    if chunk is None:
        chunk = _CHUNK_OF_FUNCTIONS if detector.gives_functions else _CHUNK
    if not chunk > 0:
        raise ValueError(f"chunk must be positive, in seconds; got {chunk!r}")
    plan = plan_tasks(detector, source, groups, chunk=chunk)
    told = describe_run(detector, prepare=prepare, chunk=chunk, start_ns=start_ns)
    told |= {"archive": source.describe(), "skipped": skipped, "planned": len(plan)}
    members = [member for group in groups for member in group.present]
    told["traces"] = {member.station: member.traces[0] for member in members}
    told["notes"] = {member.station: list(member.notes) for member in members}
    findings = known_findings(source, groups, start_ns=start_ns, end_ns=end_ns)
    context = ScanContext(detector, source, tuple(groups), prepare)
    with contextlib.ExitStack() as stack:
        if output is None:
            output = stack.enter_context(tempfile.TemporaryDirectory(prefix="seisclf-scan-"))
        store = stack.enter_context(ScanStore(output, write=True))
        scan = _Scan(store, context, plan, told, resume, findings)
        scan.run(n_jobs=n_jobs, show=show)
        detections = detections_of(store)
    _warn(detections, skipped)
    return detections


class _Scan:
    """Tasks that are to be done, and where their results go."""

    def __init__(self, store, context, plan, told, resume, findings):
        self.store, self.context, self.plan, self.told = store, context, plan, told
        self._check(resume)
        done, gone = self._known()
        self._check_archive(gone)
        store.forget(gone)
        store.begin(told, findings)
        self.told = store.settings()
        # What holds nothing needs no worker, and is entered at once.
        empty = np.flatnonzero(plan.empty & ~done)
        results = (run_task(context, task) for task in Chosen(plan, empty))
        store.put_all((self._row(result.task), result) for result in results)
        self.n_done = int(np.count_nonzero(done | plan.empty))
        wanted = ~(done | plan.empty)
        self.todo = Chosen(plan, np.flatnonzero(wanted).astype(np.uint32))
        self.open_days = plan.count_days(wanted)

    def _check(self, resume):
        before = self.store.settings()
        if not before:
            return
        if not resume:
            self.store.clear()
            for path in (self.store.folder / "detections").glob("*.parquet"):
                path.unlink()
            return
        others = differences(before, self.told)
        if others:
            raise ValueError(
                f"{self.store.folder} holds a scan with other settings ({'; '.join(others)}): "
                f"give another output, or resume=False to scan anew"
            )

    def _check_archive(self, gone):
        """Refuse to drop what was found in another archive."""
        before = self.store.settings().get("archive")
        if gone and before not in (None, self.told["archive"]):
            raise ValueError(
                f"{self.store.folder} holds a scan of {before}, and {len(gone)} of its tasks are "
                f"not in {self.told['archive']}: give another output, or resume=False to throw "
                f"that scan away"
            )

    def _row(self, task):
        group = self.plan.groups[task.group]
        start_ns, end_ns = self.plan.times(task)
        return {
            "stations": group.name, "anchor_ns": group.anchor_ns, "n_samples": group.n_samples,
            "start_ns": start_ns, "end_ns": end_ns,
        }  # fmt: skip

    def _known(self):
        """Tasks that were done on the data that is there now, and those that are none any more.

        Returns
        -------
        done : ndarray of bool, shape (n_tasks,)
            Of the plan.
        gone : list of int
            Rows of the store.
        """
        plan, gone, left = self.plan, [], set(self.store.groups())
        done = np.zeros(len(plan), dtype=bool)
        for number, group in enumerate(plan.groups):
            if group.name not in left:
                continue
            left.remove(group.name)
            old, part = self.store.tasks_of(group.name), plan.part(number)
            first = plan.first[part]
            place = np.minimum(np.searchsorted(first, old["first"]), len(first) - 1)
            known = first[place] == old["first"]
            gone += old["id"][~known].tolist()
            # One that read up to the end of the record does not know what has come since.
            grown = (old["n_samples"] != group.n_samples) & (old["read_to"] >= old["n_samples"])
            same = (old["last"] == plan.last(number)[place]) & (
                old["anchor_ns"] == group.anchor_ns
            )
            alike = np.abs(old["recorded"] - plan.recorded[part][place]) < 1e-3
            done[part][place[known & same & alike & ~grown & (old["done"] == 1)]] = True
        for name in sorted(left):
            gone += self.store.tasks_of(name)["id"].tolist()
        return done, gone

    def run(self, *, n_jobs, show):
        """Do what is to be done."""
        bar = ScanProgress(self.todo, n_skipped=self.n_done, show=show)
        (self.store.folder / "detections").mkdir(exist_ok=True)
        self._write_settings()
        results = results_of(self.context, self.todo, n_jobs=n_jobs)
        try:
            for result in results:
                self.store.put(self._row(result.task), result)
                bar.add(result)
                self._finish_days(result)
        finally:
            results.close()
            bar.close()
        self._write_missing_days()

    def _finish_days(self, result):
        if result.error:
            return
        for day in self.plan.days(result.task):
            self.open_days[day] -= 1
            if self.open_days[day] == 0:
                del self.open_days[day]
                self._write_day(day)

    def _write_missing_days(self):
        """Days without open tasks that have no file yet, as after a kill."""
        days = self.plan.count_days(~self.plan.empty)
        for day in sorted(set(days) - set(self.open_days)):
            if not self._path(day).exists():
                self._write_day(day)

    def _path(self, day):
        name = str(np.datetime64(day, "D"))
        return self.store.folder / "detections" / f"{name}.parquet"

    def _write_day(self, day):
        path = self._path(day)
        made = path.with_suffix(".new")
        longest = sample_time(self.plan.longest, self.plan.rate) + 1
        span = {"start_ns": day * _DAY_NS, "end_ns": (day + 1) * _DAY_NS, "longest_ns": longest}
        detections_of_day(self.store, self.told, **span).to_parquet(made)
        made.replace(path)

    def _write_settings(self):
        text = json.dumps(self.store.settings(), indent=2, default=str)
        (self.store.folder / "settings.json").write_text(text + "\n", encoding="utf-8")


def _warn(detections, skipped):
    if skipped:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        warnings.warn(f"stations that were not scanned: {reasons}", UserWarning, stacklevel=4)
    failed = detections.tasks[detections.tasks["status"] == "failed"]
    if len(failed):
        shown = "; ".join(
            f"{row.stations} from {row.start:%Y-%m-%dT%H:%M:%S}: {row.error}"
            for row in failed.head(3).itertuples()
        )
        more = f"; and {len(failed) - 3} more, see .tasks" if len(failed) > 3 else ""
        warnings.warn(
            f"{len(failed)} of {len(detections.tasks)} tasks failed and their time was not "
            f"scanned: {shown}{more}. The same call with the same output tries them again",
            UserWarning,
            stacklevel=4,
        )

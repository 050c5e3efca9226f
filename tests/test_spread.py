"""Work on threads, on processes and on a dask cluster: the same results, whatever dies."""

import os
import pickle
import signal
import sys
import time
import warnings
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB

from seisclf.detection import EventDetector, read_scan
from seisclf.detection._task_run import ScanContext, run_task
from seisclf.detection._tasks import Task
from seisclf.io import LazyWaveforms
from seisclf.model_selection import EventKFold, compare_estimators, label_fraction_curve
from seisclf.utils import LostWorkerError, active_workers, spread

from .detection import archives

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module", autouse=True)
def _functions_by_value():
    """Workers need not import this file with all it imports: that would take most of the time."""
    modules = [sys.modules[__name__], archives]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


def sent(function):
    """A copy that no process finds by its name, upon which dask sends it by value too."""
    return cloudpickle.loads(cloudpickle.dumps(function))


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one thread, each a process that is started again when it dies."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(params=["threading", "loky", "dask"])
def backend(request):
    """Two workers of each kind."""
    if request.param == "dask":
        request.getfixturevalue("cluster")
    with joblib.parallel_config(backend=request.param, n_jobs=2):
        yield request.param


class Weight:
    """What all tasks need. It counts in the environment how often a process unpacks it."""

    def __init__(self, values):
        self.values = values

    def __setstate__(self, state):
        vars(self).update(state)
        os.environ["TIMES_UNPACKED"] = str(int(os.environ.get("TIMES_UNPACKED", 0)) + 1)


def weigh(weight, number, folder):
    times = int(os.environ.get("TIMES_UNPACKED", 0))
    return float(weight.values[number]), os.getpid(), times


def test_tasks_share_what_is_sent_once(backend):
    weight = Weight(np.arange(30_000.0))
    taken = []

    def tasks():
        for number in range(40):
            taken.append(number)
            yield number, "name"

    ahead, found = 0, {}
    for number, result in spread(sent(weigh), tasks(), shared=weight):
        found[number] = result
        ahead = max(ahead, len(taken) - len(found))
    assert {number: value for number, (value, *_) in found.items()} == {
        number: float(number) for number in range(40)
    }
    if backend == "threading":
        assert {times for *_, times in found.values()} == {0}
    else:
        assert os.getpid() not in {pid for _, pid, _ in found.values()}
        # Once in each process, however many tasks it did.
        assert len({(pid, times) for _, pid, times in found.values()}) <= 2
    # Some batches of joblib, not all tasks.
    assert ahead < 30


def test_work_that_a_task_spreads_stays_in_its_process(backend):
    for _, (own, inner) in spread(sent(_processes_of_inner_work), ((n,) for n in range(4))):
        assert inner == {own}


def _processes_of_inner_work(_):
    inner = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(4))
    return os.getpid(), set(inner)


def test_errors_of_tasks_and_of_their_iterator_arrive(backend):
    with pytest.raises(ZeroDivisionError):
        list(spread(divmod, ((1, 5 - n) for n in range(10))))

    def tasks():
        yield from ((n, 2) for n in range(12))
        raise OSError("the list of tasks ends here")

    found = []
    with pytest.raises(OSError, match="ends here"):
        for pair in spread(pow, tasks()):
            found.append(pair)
    assert sorted(found) == [(n, n**2) for n in range(12)]


def killed_once(folder, number):
    """The process dies, but only the first time."""
    flag = Path(folder) / str(number)
    if number == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return number


@pytest.mark.parametrize("name", ["loky", "dask"])
def test_tasks_of_a_killed_process_are_done_by_others(name, request, tmp_path):
    if name == "dask":
        request.getfixturevalue("cluster")
    with joblib.parallel_config(backend=name, n_jobs=2), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # only loky has something to say
        found = list(spread(sent(killed_once), ((str(tmp_path), n) for n in range(16))))
    assert sorted(found) == [(n, n) for n in range(16)]
    assert {path.name for path in tmp_path.iterdir()} == {"3"}


def test_what_was_sent_is_sent_anew_when_all_workers_die(cluster):
    """Data that joblib has brought to workers dies with them: dask cannot make them again."""
    weight = Weight(np.arange(30_000.0))
    found, killed = {}, 0
    with joblib.parallel_config(backend="dask"), pytest.warns(UserWarning, match="done again"):
        for number, (value, *_) in spread(sent(_slow), ((n,) for n in range(24)), shared=weight):
            found[number] = value
            if len(found) == 4 and not killed:
                for pid in cluster.run(os.getpid).values():
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
    assert killed
    assert found == {number: float(number) for number in range(24)}


def _slow(weight, number):
    time.sleep(0.05)
    return weigh(weight, number, "")


def deadly(number):
    """Kill the worker each time."""
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_task_that_kills_its_worker_each_time_is_named(monkeypatch):
    monkeypatch.setattr("seisclf.utils._spread._ATTEMPTS", 2)
    with joblib.parallel_config(backend="loky", n_jobs=2), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(LostWorkerError, match="'loky'.*more memory") as caught:
            list(spread(sent(deadly), ((n,) for n in range(6))))
    assert 2 in caught.value.tasks
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.tasks == caught.value.tasks and str(again) == str(caught.value)


def test_a_task_that_dask_gives_up_is_a_result(cluster, monkeypatch):
    """joblib alone would wait for it for ever."""
    monkeypatch.setattr(cluster.cluster.scheduler, "allowed_failures", 0)
    with joblib.parallel_config(backend="dask"):
        found = dict(spread(sent(deadly), ((n,) for n in range(4)), give_up="yield"))
    assert sorted(found) == [0, 1, 2, 3] and found[0] == 0
    # With no failure allowed dask also suspects what waited at the same worker.
    assert isinstance(found[2], LostWorkerError) and 2 in found[2].tasks


def test_who_works(cluster):
    assert active_workers(1).here and active_workers(1).n_threads is None
    assert str(active_workers(3)) == "3 workers of the joblib backend 'loky'"
    assert active_workers(3, n_tasks=1).here
    with joblib.parallel_config(backend="dask"):
        workers = active_workers(1)
        # A cluster works elsewhere, however small it is.
        assert workers.anywhere and not workers.here and workers.n_threads == 1
        assert active_workers(8).number == 8
        assert os.getpid() not in {p for _, p in spread(sent(_pid), ((n,) for n in range(3)))}


def _pid(_):
    return os.getpid()


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(0)
    y = np.array(["noise", "rockfall", "quake"] * 20)
    X = rng.normal(size=(60, 12)) + 0.8 * (y == "rockfall")[:, None]
    times = pd.date_range("2024-01-01", periods=60, freq="h", tz="UTC")
    metadata = pd.DataFrame(
        {
            "event_id": [f"e{i // 2}" for i in range(60)],
            "station": ["A", "B"] * 30,
            "start_time": times,
            "end_time": times + pd.Timedelta("30s"),
        }
    )
    return X, y, metadata


def test_comparison_is_the_same_on_any_backend(events, backend, tmp_path):
    X, y, metadata = events
    estimators = {"forest": RandomForestClassifier(10, n_jobs=2), "bayes": GaussianNB()}
    settings = {"cv": 3, "metadata": metadata, "random_state": 0}

    def compare(**others):
        return compare_estimators(estimators, X, y, **settings, **others)

    found = compare(store=tmp_path)
    with joblib.parallel_config(backend="sequential"):
        alone = compare()
    columns = ["estimator", "fold", "metric", "score"]
    pd.testing.assert_frame_equal(found.per_fold_[columns], alone.per_fold_[columns])
    pd.testing.assert_frame_equal(found.predictions_, alone.predictions_)
    curve = {"fractions": (0.3, 0.6), "n_repeats": 1, "metadata": metadata, "random_state": 0}
    with joblib.parallel_config(backend="sequential"):
        here = label_fraction_curve({"forest": estimators["forest"]}, X, y, **curve)
    there = label_fraction_curve({"forest": estimators["forest"]}, X, y, **curve)
    pd.testing.assert_frame_equal(here.summary(), there.summary())


def test_searches_of_scikit_learn_on_a_cluster(events, cluster):
    X, y, metadata = events
    search = GridSearchCV(
        RandomForestClassifier(5, random_state=0), {"max_depth": [1, 4]}, cv=EventKFold(3)
    )

    def scores():
        fitted = search.fit(X, y, groups=metadata["event_id"])
        return fitted.cv_results_["mean_test_score"], cross_validate(GaussianNB(), X, y, cv=3)

    grid, folds = scores()
    with joblib.parallel_config(backend="dask"):
        grid_there, folds_there = scores()
    np.testing.assert_array_equal(grid, grid_there)
    np.testing.assert_array_equal(folds["test_score"], folds_there["test_score"])


def test_waveforms_on_disk_travel_as_rows_and_once(tmp_path, cluster):
    import h5py
    from dask.sizeof import sizeof

    n = 20_000
    with h5py.File(tmp_path / "waveforms.hdf5", "w") as file:
        file["x"] = np.arange(n, dtype=np.float32).repeat(30).reshape(n, 3, 10)
    X = LazyWaveforms.from_hdf5(tmp_path / "waveforms.hdf5", "x", sampling_rate=100.0)
    # joblib sends once what dask says is large; a pickle without waveforms is what it says.
    assert sizeof(X) == pytest.approx(len(pickle.dumps(X)), rel=0.2)
    assert sizeof(X) < 0.7 * X.nbytes
    assert len(pickle.dumps(X[:10])) < 3000
    calls = ((X, np.arange(k, n, 4)) for k in range(4))
    with joblib.parallel_config(backend="dask"):
        found = dict(spread(sent(_means), calls))
    assert found == {k: pytest.approx(k + n / 2 - 2) for k in range(4)}


def _means(X, rows):
    return float(np.asarray(X[rows].read()).mean())


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    stream = archives.recording(3, minutes=20)
    return archives.write_files(stream, folder, np.random.default_rng(0), 6)


class Heavy(archives.Loudness):
    """A classifier of a megabyte, like a real one."""

    def __init__(self, folder=None):
        self.weights = np.arange(130_000.0)
        self.folder = folder

    def predict_proba(self, X):
        if self.folder is not None and len(list(Path(self.folder).iterdir())) < 1:
            Path(self.folder, "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict_proba(X)


def _detector(folder=None):
    settings = {"window": archives.WINDOW, "step": archives.STEP}
    return EventDetector(Heavy(folder), sampling_rate=archives.RATE, **settings)


def _scanned(archive, *, chunk=120.0, folder=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _detector(folder).scan(archive, chunk=chunk, **options)


@pytest.fixture(scope="module")
def catalogue(archive):
    found = _scanned(archive)
    assert len(found) > 3 and len(found.tasks) > 8
    return found


def test_catalogue_is_the_same_on_any_backend(archive, catalogue, backend):
    found = _scanned(archive)
    assert found.complete
    pd.testing.assert_frame_equal(found.to_frame(), catalogue.to_frame())


@pytest.mark.parametrize("name", [pytest.param("loky", marks=pytest.mark.slow), "dask"])
def test_catalogue_is_the_same_if_a_worker_is_killed(
    archive, catalogue, name, request, tmp_path, monkeypatch
):
    if name == "dask":
        request.getfixturevalue("cluster")
    (tmp_path / "flags").mkdir()
    # Asked for in this process too, where it would be the end of the tests.
    monkeypatch.setattr("seisclf.detection._archive_scan.describe_run", _told)
    with joblib.parallel_config(backend=name, n_jobs=2):
        found = _scanned(archive, folder=tmp_path / "flags", output=tmp_path / "output")
    assert list((tmp_path / "flags").iterdir())
    assert found.complete and not (found.tasks["status"] != "done").any()
    pd.testing.assert_frame_equal(found.to_frame(), catalogue.to_frame())
    pd.testing.assert_frame_equal(read_scan(tmp_path / "output").to_frame(), found.to_frame())


def _told(detector, **others):
    return {"settings": {}, "classes": detector.classes.tolist()}


def test_a_task_of_a_scan_is_a_few_numbers(archive, monkeypatch):
    sent = []

    def kept(function, tasks, *, shared, **_):
        for number, arguments in enumerate(tasks):
            sent.append(len(cloudpickle.dumps((function, arguments))))
            assert isinstance(shared, ScanContext) and isinstance(arguments[0], Task)
            answer = run_task(shared, *arguments)
            assert len(pickle.dumps(answer)) < 50_000
            yield number, answer

    monkeypatch.setattr("seisclf.detection._scan_workers.spread", kept)
    found = _scanned(archive, n_jobs=2)
    assert len(sent) == len(found.tasks) and max(sent) < 1000

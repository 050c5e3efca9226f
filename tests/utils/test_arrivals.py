"""Tables of arrivals: what is read, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import train_test_split

from seisclf.datasets import make_seismic_events
from seisclf.utils import EventLabels, array_to_arrivals, arrivals_to_array

TABLE = pd.DataFrame({"P": [1.0, 2.0], "S": [3.0, np.nan], "P_1": [5.0, 6.0], "snr_db": 9.0})


def test_there_and_back():
    array = arrivals_to_array(TABLE, 2)
    assert array.shape == (2, 2, 4)
    assert_array_equal(array[:, :, 0], [[1, 5], [2, 6]])
    assert_array_equal(arrivals_to_array(array_to_arrivals(array), 2), array)
    network = np.stack([array, array + 1], axis=1)
    assert_array_equal(arrivals_to_array(array_to_arrivals(network), 2, n_stations=2), network)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.rename(columns={"P": "p"}), r"column 'p' and none called 'P'.*rename"),
        (TABLE.rename(columns={"S": "s"}), r"column 's' and none called 'S'"),
        (TABLE[["snr_db"]], "none of the columns P, S, start, end; it has snr_db"),
        (TABLE[:1], "1 rows for 2 events"),
        (TABLE.assign(P=pd.to_datetime([1, 2], unit="s")), r"\['P'\] must hold seconds.*datetime"),
        (TABLE.assign(S=["3.0", "later"]), r"\['S'\] must hold seconds.*later"),
        (TABLE.assign(S=[3.0, np.inf]), r"\['S'\] holds infinite times"),
        (np.full((2, 1, 4), np.inf), "arrivals holds infinite times"),
        (np.zeros((2, 4)), "must have shape"),
    ],
)
def test_what_cannot_be_seconds_is_refused(table, message):
    with pytest.raises(ValueError, match=message):
        arrivals_to_array(table, 2)


def test_a_lower_case_column_beside_the_real_one_is_left_alone():
    assert arrivals_to_array(TABLE.assign(p=0.1), 2)[0, 0, 0] == 1.0


def test_a_table_of_stations_says_how_to_get_one_row_per_event():
    events = make_seismic_events(4, n_stations=2, duration=10.0, random_state=0)
    with pytest.raises(ValueError, match=r"8\. .*array_to_arrivals\(arrivals_to_array"):
        EventLabels(events.target, events.arrivals)
    with pytest.raises(ValueError, match=r"2 events of 2 stations are needed.*array_to_arrivals"):
        arrivals_to_array(events.arrivals, 2, n_stations=2)
    array = arrivals_to_array(events.arrivals, 4, n_stations=2)
    labels = EventLabels(events.target, array_to_arrivals(array))
    assert_array_equal(arrivals_to_array(labels[[2, 0]].arrivals, 2, n_stations=2), array[[2, 0]])


def test_labels_take_their_arrivals_along():
    y = EventLabels(["a", "b", "a", "b"], pd.DataFrame({"P": [0.0, 1.0, 2.0, 3.0]}))
    train, test = train_test_split(y, test_size=2, random_state=0, stratify=y)
    both = sorted([*train.arrivals["P"], *test.arrivals["P"]])
    assert both == [0.0, 1.0, 2.0, 3.0]
    assert pickle.loads(pickle.dumps(y[1:])).arrivals["P"].tolist() == [1.0, 2.0, 3.0]
    assert (y == "a").arrivals is None

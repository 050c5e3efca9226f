"""Responses come off piece by piece; what cannot be done has a row and leaves the result."""

import pickle

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy.core.inventory import Channel, Inventory, Network, Response, Site, Station

from seisclf.io import ResponseRemoval, remove_response, remove_sensitivity
from seisclf.io._response import auto_pre_filt

T0 = UTCDateTime("2023-06-01")
GAIN = 2.0e8  # counts per m/s
RATE = 50.0
PAZ = {
    # A seismometer of one second.
    "zeros": [0j, 0j],
    "poles": [-4.44 + 4.44j, -4.44 - 4.44j],
    "gain": 1.0,
}


def make_response(gain=GAIN, units="M/S"):
    return Response.from_paz(
        PAZ["zeros"],
        PAZ["poles"],
        stage_gain=gain,
        stage_gain_frequency=10.0,
        input_units=units,
        output_units="COUNTS",
        normalization_frequency=10.0,
        normalization_factor=1.0,
    )


def make_inventory(*epochs, code="HHZ"):
    """Channels of XX.A from (start, end, response)."""
    channels = [
        Channel(
            code, "", 46.0, 7.0, 1000.0, 0.0, start_date=start, end_date=end, response=response
        )
        for start, end, response in epochs
    ]
    station = Station("A", 46.0, 7.0, 1000.0, channels=channels, site=Site("site"))
    return Inventory([Network("XX", stations=[station])], source="test")


@pytest.fixture
def inventory():
    return make_inventory((T0 - 1000, None, make_response()))


def motion(n=30_000, frequency=5.0):
    """Ground velocity (m/s), a burst far from both ends."""
    t = np.arange(n) / RATE
    middle = n / RATE / 2
    return 1e-6 * np.sin(2 * np.pi * frequency * t) * np.exp(-(((t - middle) / 20) ** 2))


def record(velocity, gain=GAIN):
    """What the instrument writes (counts)."""
    spectrum = np.fft.rfft(velocity)
    s = 2j * np.pi * np.fft.rfftfreq(len(velocity), 1 / RATE)
    poles = PAZ["poles"]
    response = s**2 / ((s - poles[0]) * (s - poles[1]))
    return np.fft.irfft(spectrum * response * gain, len(velocity))


def make_trace(data, code="HHZ", start=T0):
    header = {"network": "XX", "station": "A", "channel": code, "sampling_rate": RATE}
    return Trace(data, header | {"starttime": start})


def test_the_motion_comes_back(inventory):
    velocity = motion()
    trace = make_trace(record(velocity))
    before = trace.data.copy()
    removed, outcomes = remove_response(Stream([trace]), inventory)
    assert np.abs(removed[0].data - velocity).max() < 1e-6 * velocity.max()
    row = outcomes.iloc[0]
    assert (row["status"], row["units_in"], row["units_out"]) == ("removed", "COUNTS", "M/S")
    assert (row["low"], row["high"]) == (0.02, 20.0)
    assert row["end"] - row["start"] == np.timedelta64(600, "s")
    assert trace.data.tolist() == before.tolist()
    displacement, outcomes = remove_response(Stream([trace]), inventory, output="DISP")
    assert outcomes["units_out"].tolist() == ["M"]
    ratio = np.abs(velocity).max() / np.abs(displacement[0].data).max()
    assert ratio == pytest.approx(2 * np.pi * 5.0, rel=0.1)


def test_the_sensitivity_is_one_number(inventory):
    data = np.arange(100, dtype=np.int32)
    scaled, outcomes = remove_sensitivity(Stream([make_trace(data)]), inventory)
    np.testing.assert_allclose(scaled[0].data, data / GAIN, rtol=1e-3)
    assert outcomes["units_out"].tolist() == ["M/S"]
    assert outcomes["low"].tolist() == [10.0]


def test_float32_stays_float32(inventory):
    trace = make_trace(record(motion()).astype(np.float32))
    for function in (remove_response, remove_sensitivity):
        done, _ = function(Stream([trace]), inventory)
        assert done[0].data.dtype == np.float32


def test_a_missing_response_is_a_row_or_an_error(inventory):
    data = record(motion())
    stream = Stream([make_trace(data), make_trace(data, "HHN"), make_trace(data, start=T0 - 9999)])
    removed, outcomes = remove_response(stream, inventory)
    assert [t.id for t in removed] == ["XX.A..HHZ"]
    assert outcomes["status"].tolist() == ["removed", "no response", "no response"]
    assert outcomes["reason"].tolist()[1:] == [
        "not in the inventory",
        "no epoch of the inventory holds then",
    ]
    with pytest.raises(ValueError, match="no response for XX.A..HHN at 2023-06-01T00:00:00"):
        remove_response(stream, inventory, missing="raise")


def test_a_change_of_the_instrument_divides_a_piece():
    change = T0 + 300
    inventory = make_inventory(
        (T0 - 10, change, make_response()), (change, None, make_response(2 * GAIN))
    )
    data = np.concatenate([record(motion(15_000)), record(motion(15_000), 2 * GAIN)])
    removed, outcomes = remove_response(Stream([make_trace(data)]), inventory)
    assert outcomes["status"].tolist() == ["removed", "removed"]
    assert outcomes["samples"].tolist() == [15_000, 15_000]
    assert [t.stats.starttime for t in removed] == [T0, change]
    for trace in removed:
        assert np.abs(trace.data - motion(15_000)).max() < 2e-3 * 1e-6
    # An epoch that goes on as it was is no change.
    same = make_inventory((T0 - 10, change, make_response()), (change, None, make_response()))
    assert remove_sensitivity(Stream([make_trace(data)]), same)[1]["units_out"].eq("M/S").all()


def test_two_responses_at_once_are_refused():
    inventory = make_inventory(
        (T0 - 10, None, make_response()), (T0 - 5, None, make_response(3 * GAIN))
    )
    removed, outcomes = remove_response(Stream([make_trace(record(motion()))]), inventory)
    assert len(removed) == 0
    assert "2 epochs with different responses" in outcomes["reason"][0]


def test_nothing_goes_across_gaps(inventory):
    data = record(motion(40_000))
    masked = np.ma.array(data, mask=False)
    masked[10_000:10_100] = np.ma.masked
    holed = data.copy()
    holed[10_000:10_100] = np.nan
    apart = [
        remove_response(Stream([make_trace(part, start=start)]), inventory)[0][0]
        for part, start in ((data[:10_000], T0), (data[10_100:], T0 + 10_100 / RATE))
    ]
    for broken in (masked, holed):
        removed, outcomes = remove_response(Stream([make_trace(broken)]), inventory)
        assert outcomes["samples"].tolist() == [10_000, 29_900]
        for trace, alone in zip(removed, apart, strict=True):
            assert trace.stats.starttime == alone.stats.starttime
            np.testing.assert_array_equal(trace.data, alone.data)


@pytest.mark.filterwarnings("ignore:ObsPy can not map", "ignore:The unit")
def test_units_that_are_no_motion_are_not_passed_on():
    trace = make_trace(record(motion()))
    for units in ("PA", "M/S**3", "DEGC"):
        inventory = make_inventory((T0 - 10, None, make_response(units=units)))
        removed, outcomes = remove_response(Stream([trace]), inventory)
        assert len(removed) == 0
        assert outcomes["status"].tolist() == ["failed"]
        assert f"measures {units}, not motion" in outcomes["reason"][0]
    removed, outcomes = remove_response(
        Stream([trace]), make_inventory((T0 - 10, None, make_response(units="PA"))), output="DEF"
    )
    assert outcomes["units_out"].tolist() == ["PA"]


def test_responses_that_say_too_little():
    trace = make_trace(record(motion()))
    no_stages = make_response()
    no_stages.response_stages = []
    broken = make_response()
    broken.response_stages[0]._poles = []
    broken.response_stages[0].normalization_factor = float("nan")
    for response, word in ((no_stages, "no stages"), (broken, "")):
        removed, outcomes = remove_response(
            Stream([trace]), make_inventory((T0 - 10, None, response))
        )
        assert len(removed) == 0
        assert outcomes["status"].tolist() == ["failed"]
        assert word in outcomes["reason"][0]
    assert remove_sensitivity(Stream([trace]), make_inventory((T0 - 10, None, no_stages)))[1][
        "status"
    ].tolist() == ["removed"]
    empty = make_inventory((T0 - 10, None, None))
    outcomes = remove_response(Stream([trace]), empty)[1]
    assert "without a response" in outcomes["reason"][0]
    zero = make_response()
    zero.instrument_sensitivity.value = 0.0
    outcomes = remove_sensitivity(Stream([trace]), make_inventory((T0 - 10, None, zero)))[1]
    assert outcomes["reason"].tolist() == ["the sensitivity is 0.0"]


def test_pieces_too_short_and_bands_that_do_not_fit(inventory):
    short = remove_response(Stream([make_trace(np.ones(5))]), inventory)[1]
    assert short["status"].tolist() == ["too short"]
    high = remove_response(
        Stream([make_trace(np.ones(5000))]), inventory, pre_filt=(0.1, 0.2, 30.0, 40.0)
    )[1]
    assert "does not fit 50 Hz" in high["reason"][0]
    table = remove_response(Stream(), inventory)[1]
    assert len(table) == 0
    assert "units_out" in table


@pytest.mark.parametrize(
    "wrong",
    [
        {"output": "SPEED"},
        {"missing": "ignore"},
        {"pre_filt": (1, 2, 3)},
        {"pre_filt": (4, 3, 2, 1)},
        {"pre_filt": "none"},
    ],
)
def test_wrong_parameters_are_named(inventory, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        remove_response(Stream(), inventory, **wrong)


def test_inventories_are_read_safely(inventory, tmp_path):
    file = tmp_path / "station.xml"
    inventory.write(str(file), format="STATIONXML")
    trace = make_trace(record(motion()))
    assert remove_response(Stream([trace]), file)[1]["status"].tolist() == ["removed"]
    assert remove_response(Stream([trace]), [str(file)])[1]["status"].tolist() == ["removed"]
    content = file.read_text()
    head, rest = content.split("?>", 1)
    file.write_text(head + "?><!DOCTYPE x [<!ENTITY a 'b'>]>" + rest)
    with pytest.raises(ValueError, match="DOCTYPE"):
        remove_response(Stream([trace]), file)
    with pytest.raises(FileNotFoundError):
        remove_response(Stream([trace]), tmp_path / "nothing.xml")
    with pytest.raises(TypeError, match="inventory must be"):
        remove_response(Stream([trace]), 5)


def test_auto_corners_rise_for_short_pieces():
    assert auto_pre_filt(50.0, 3600.0) == (0.01, 0.02, 20.0, 23.75)
    assert auto_pre_filt(50.0, 40.0)[:2] == (0.05, 0.1)


def test_a_preparation_pickles_and_depends_little_on_cuts(inventory, tmp_path):
    file = tmp_path / "station.xml"
    inventory.write(str(file), format="STATIONXML")
    prepare = ResponseRemoval(file, pre_filt=(0.05, 0.1, 20.0, 23.0))
    again = pickle.loads(pickle.dumps(prepare))
    assert repr(again) == repr(prepare)
    assert len(pickle.dumps(prepare)) < 1000
    data = np.random.default_rng(0).normal(0, 1000, 60_000)
    whole = prepare(Stream([make_trace(data)]))[0].data
    margin = round(prepare.warm_up * RATE)
    part = again(Stream([make_trace(data[20_000 - margin : 40_000 + margin])]))[0].data
    wrong = np.abs(part[margin:-margin] - whole[20_000:40_000]).max()
    assert wrong < 1e-3 * whole.std()


def test_a_preparation_says_what_it_leaves_out_once(inventory):
    prepare = ResponseRemoval(inventory)
    stream = Stream([make_trace(record(motion())), make_trace(record(motion()), "HHN")])
    with pytest.warns(UserWarning, match="XX.A..HHN from .* is left out: no response") as told:
        done = prepare(stream)
        prepare(stream)
    assert len(told) == 1
    assert [t.id for t in done] == ["XX.A..HHZ"]
    scaled = ResponseRemoval(inventory, sensitivity_only=True)
    assert scaled.warm_up == 0.0
    np.testing.assert_allclose(scaled(stream[:1])[0].data, stream[0].data / GAIN, rtol=1e-3)
    with pytest.raises(ValueError, match="pre_filt=None"):
        ResponseRemoval(inventory, pre_filt=None)


def test_the_repr_of_a_preparation_changes_with_the_inventory(inventory):
    other = make_inventory((T0 - 1000, None, make_response(3 * GAIN)))
    assert repr(ResponseRemoval(inventory)) == repr(ResponseRemoval(inventory))
    assert repr(ResponseRemoval(inventory)) != repr(ResponseRemoval(other))

"""Picture of predicted against true distances."""

import numpy as np

_PANELS = ("forest, envelope", "envelope CNN", "S-P")


def draw(path, true, predictions, *, near):
    """Write a picture: for some models all distances, and below those within `near` km.

    Parameters
    ----------
    path : pathlib.Path
        PNG file.
    true : ndarray of shape (n_rows,)
        Distances in km.
    predictions : dict of str to (ndarray, ndarray)
        Mean and standard deviation of each model, NaN where it says nothing.
    near : float
        In km.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(_PANELS), figsize=(11, 7.4), layout="constrained")
    for column, name in zip(axes.T, _PANELS, strict=True):
        said, std = predictions[name]
        for axis, limit in zip(column, (np.ceil(true.max() / 50) * 50, near), strict=True):
            rows = (true < limit) & np.isfinite(said)
            axis.plot([0, limit], [0, limit], color="black", linewidth=0.8)
            axis.errorbar(
                true[rows], said[rows], yerr=1.645 * std[rows], fmt="o", markersize=2.5,
                elinewidth=0.5, ecolor="0.75", color="tab:blue", zorder=1,
            )  # fmt: skip
            axis.set(xlim=(0, limit), ylim=(0, limit), xlabel="true distance (km)")
            axis.set_aspect("equal")
            mae = np.abs(said - true)[rows].mean()
            axis.set_title(f"{name}: {rows.sum()} recordings, MAE {mae:.1f} km", fontsize=10)
            axis.grid(alpha=0.3)
        column[0].axvline(near, color="tab:red", linewidth=0.8, linestyle="--")
    for axis in axes[:, 0]:
        axis.set_ylabel("predicted (km), 90 % interval")
    figure.savefig(path, dpi=150)
    plt.close(figure)

"""The rows that a checkpoint's model is measured on: never one that it was trained on, as far as its file can tell."""

from __future__ import annotations

import os

import torch

from dnf_studio.core.data.catalogue import is_table, open_dataset
from dnf_studio.core.data.content_split import SplitRule
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.data.missing import DO_ALONE
from dnf_studio.core.data.naming import split_selection
from dnf_studio.core.data.own_rows import read_part
from dnf_studio.core.data.row_sets import TableDataset
from dnf_studio.core.data.table import number_columns
from dnf_studio.core.data.tables import open_table
from dnf_studio.core.storage.checkpoint import Checkpoint
from dnf_studio.errors import DataError, MissingDataError, SettingError


def held_out_data(
    checkpoint: Checkpoint, data: str | None = None, test: str | None = None
) -> tuple[Dataset, str | None]:
    """The data whose `fresh` rows the model of `checkpoint` is measured on, and a sentence where it is not training's.

    It is the data that was trained on, or `data`: of a table the rows that the split of training holds out, wherever
    they stand now. Or it is all rows of a file `test`, or of the one that training had. Raises `DataError` where there
    are no such rows, and `SettingError` where both are given or the checkpoint does not say what it was trained on.
    """
    if data is not None and test is not None:
        raise SettingError("Give --data or --test, not both.")
    if test is not None:
        return _all_of(checkpoint, test), _told_of_test(checkpoint, test)
    if data is None and not checkpoint.data.fingerprint:
        raise SettingError("The checkpoint does not say what it was trained on; name it with --data.")
    if data is None and checkpoint.config.test is not None:
        return _rows_of(checkpoint, checkpoint.config.test, role="test"), None
    name, rule = data or checkpoint.config.data, checkpoint.data.split
    if rule is not None and rule.name != "order-1" and is_table(name):
        return _by_content(checkpoint, name, rule)
    dataset = _opened(checkpoint, name, rule)
    if checkpoint.data.fingerprint in ("", dataset.fingerprint):
        return dataset, None
    told = f"'{name}' is not the data that was trained on, '{checkpoint.data.name}'"
    if os.path.exists(split_selection(name)[0]):
        told += ", or has changed since"
    if rule is not None and (is_table(name) or dataset.image is not None):
        # Whether a model of before was trained on generated data its file does not tell
        told += "; rows were held out by their places then, so some of those used may have been trained on"
    return dataset, f"{told}."


def _opened(checkpoint: Checkpoint, name: str, rule: SplitRule | None) -> Dataset:
    """The data as training opened it, as far as that means something for data of another kind or without its labels."""
    config = checkpoint.config
    if not is_table(name):
        return open_dataset(name, rule=rule)
    return open_table(name, config.drop_constant, rule, missing=config.missing, label=config.label, do=DO_ALONE)


def _by_content(checkpoint: Checkpoint, name: str, rule: SplitRule) -> tuple[Dataset, str | None]:
    """A table with the split of training; one that has changed is not standardised anew, and need not be fit for it."""
    config = checkpoint.config
    if not rule.test:
        raise DataError(
            f"No row of '{name}' was held out, since training had a test file of its own, '{config.test}'; "
            "name a file of rows that it has never seen with --test."
        )
    try:
        # Rows to validate on are none of those that are measured, and their file may be gone
        dataset = _opened(checkpoint, name, rule)
    except MissingDataError:
        raise
    except DataError:
        # What it holds by now could not be trained on, such as a constant column; it can still be measured on
        dataset = None
    if dataset is not None and dataset.fingerprint == checkpoint.data.fingerprint:
        return dataset, None
    found = _rows_of(checkpoint, name, rule)
    used = "is the one row" if found.rows[2] == 1 else f"are the {found.rows[2]:,} rows"
    return found, (
        f"'{name}' is not the data that was trained on, '{checkpoint.data.name}', or has changed since; used {used} of "
        "it that the split of training holds out."
    )


def _all_of(checkpoint: Checkpoint, test: str) -> Dataset:
    """All rows of a file that training has never seen."""
    if checkpoint.data.image is not None or not is_table(test):
        which = f"'{test}' is no file of rows" if not is_table(test) else "this model is of images"
        raise DataError(f"--test takes a file of rows of a table, and {which}; name it with --data.")
    file, trained = split_selection(test)[0], split_selection(checkpoint.config.data)[0]
    if os.path.exists(file) and os.path.exists(trained) and os.path.samefile(file, trained):
        raise DataError(f"'{test}' is the file that was trained on; for the rows held out of it leave out --test.")
    return _rows_of(checkpoint, test)


def _told_of_test(checkpoint: Checkpoint, test: str) -> str | None:
    if test == checkpoint.config.test:
        return None
    return f"All rows of '{test}' are used, on the word that training has never seen one of them."


def _rows_of(checkpoint: Checkpoint, name: str, rule: SplitRule | None = None, role: str | None = None) -> TableDataset:
    """The rows of a file, those that `rule` holds out or all, in the units of the model; there are none to train on."""
    columns = checkpoint.data.columns or number_columns(checkpoint.dim)
    part = read_part(name, columns, checkpoint.standardisation, rule, role, checkpoint.config.missing, DO_ALONE)
    parts = torch.empty(0, checkpoint.dim), None, part
    return TableDataset(os.path.basename(name), columns, checkpoint.standardisation, parts, "")

"""A folder to a data set on the hub, through the package huggingface_hub where it is installed.

The key comes from HF_TOKEN or from `hf auth login`, the host from HF_ENDPOINT: the package reads all three itself.
"""

from __future__ import annotations

import os
from pathlib import Path as File
from typing import Any

from qrd.errors import BackendError, ConfigError, needs
from qrd.masking import one_line

ENDPOINT_VARIABLE = "HF_ENDPOINT"


def needed(name: str) -> Any:
    """The package huggingface_hub, where `name` is one that the hub takes.

    Raises: ConfigError.
    """
    try:
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError:
        raise needs("--hub", "huggingface_hub", "hub") from None
    package: Any = huggingface_hub
    try:
        package.utils.validate_repo_id(name)
    except package.errors.HFValidationError as error:
        raise ConfigError(f"--hub: {one_line(error)}") from None
    return package


def upload(folder: File, files: list[str], name: str, *, public: bool) -> str:
    """The address of the data set that now holds `files` of `folder`, in one commit.

    Raises: ConfigError where the data set is there, is public and `public` was not asked for; BackendError where the
    hub refuses or does not answer.
    """
    package = needed(name)
    api = package.HfApi(endpoint=os.environ.get(ENDPOINT_VARIABLE) or None, library_name="qrd")
    try:
        place = api.create_repo(name, repo_type="dataset", private=not public, exist_ok=True)
        if not public and not api.dataset_info(place.repo_id).private:
            raise ConfigError(f"--hub: {place.repo_id} is public; say --public to add to it, or choose another name")
        operations = [package.CommitOperationAdd(file, str(folder / file)) for file in files]
        api.create_commit(place.repo_id, operations, commit_message="Exported by qrd data export", repo_type="dataset")
    except (OSError, ValueError, package.errors.HTTPError) as error:
        raise BackendError(f"--hub {name}: {one_line(error)}") from None
    return str(place)

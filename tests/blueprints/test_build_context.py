"""Build contexts of detected code and of set-up scripts."""

from pathlib import Path

import pytest

from blueprints.build_context import prepare
from blueprints.detection import detect_runtime
from blueprints.findings import DocumentError
from blueprints.kinds.cartridge import Cartridge


def _cartridge(**runtime: object) -> Cartridge:
    return Cartridge.model_validate({"name": "c", **runtime}, by_name=False)


@pytest.mark.parametrize(
    ("file", "runtime"),
    [("package.json", "node"), ("public/index.php", "php"), ("app.py", "python"), ("index.html", "static")],
)
def test_a_runtime_is_detected_by_the_files_of_its_kind(tmp_path: Path, file: str, runtime: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("")
    assert detect_runtime(tmp_path) == runtime


def test_an_unknown_folder_is_refused_with_what_would_be_recognised(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        detect_runtime(tmp_path)
    assert "app.py" in caught.value.findings[0].hint


def test_code_is_put_on_top_of_the_built_in_cartridge_of_its_runtime(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("app = None\n")
    context = prepare(_cartridge(code={"path": "src"}), tmp_path, tmp_path / "context")
    assert context is not None
    recipe = (context / "Dockerfile").read_text()
    assert (context / "application" / "app.py").read_text() == "app = None\n"
    assert (context / "serve").is_file()
    assert "gunicorn" in recipe
    assert recipe.endswith("COPY application/ /var/www/app/\nUSER 10001:10001\nWORKDIR /var/www/app\n")


def test_a_script_sets_up_a_bare_system(tmp_path: Path) -> None:
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup" / "make it.sh").write_text("echo hello\n")
    cartridge = _cartridge(setup={"script": "setup/make it.sh", "context": "setup", "packages": ["curl"]})
    context = prepare(cartridge, tmp_path, tmp_path / "context")
    assert context is not None
    recipe = (context / "Dockerfile").read_text()
    assert "ca-certificates curl" in recipe
    assert "sh -eu 'make it.sh'" in recipe
    assert (context / "files" / "make it.sh").is_file()


def test_a_script_outside_its_context_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b.sh").write_text("")
    with pytest.raises(DocumentError):
        prepare(_cartridge(setup={"script": "b.sh", "context": "a"}), tmp_path, tmp_path / "context")


def test_images_and_dockerfiles_need_no_context(tmp_path: Path) -> None:
    assert prepare(_cartridge(image="a"), tmp_path, tmp_path / "context") is None

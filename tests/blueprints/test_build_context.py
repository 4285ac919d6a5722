"""Build contexts of detected code and of set-up scripts."""

from pathlib import Path

import pytest

from blueprints.build_context import prepare, prepare_content
from blueprints.code_packages import packages_to_fetch
from blueprints.detection import completed, detect_runtime
from blueprints.findings import DocumentError
from blueprints.images_needed import needed_images
from blueprints.kinds.cartridge import Cartridge
from blueprints.validate import validate
from blueprints.workspace import Workspace, library

APPLICATION = """
apiVersion: altostratus/v1
kind: Cartridge
name: service
code: {path: code}
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges: [{alias: db, cartridge: mysql}, {alias: back, cartridge: service}]
groups:
  - alias: search
    instances: {min: 0, max: 2}
    cartridges: [{alias: pages, cartridge: static, artifact: {directory: pages}}]
"""


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


def test_a_folder_of_content_is_readable_by_every_user_and_knows_its_digest(tmp_path: Path) -> None:
    (tmp_path / "site" / "sub").mkdir(parents=True)
    (tmp_path / "site" / "sub" / "page.html").write_text("hello")
    (tmp_path / "site" / "sub" / "page.html").chmod(0o600)
    (tmp_path / "site" / "outside").symlink_to("/etc/hostname")
    content = prepare_content(tmp_path / "site", tmp_path / "one") / "artifact" / "content"
    assert (content / "sub" / "page.html").stat().st_mode & 0o777 == 0o644
    assert (content / "outside").is_symlink(), "no file of this machine may get in by a link"
    (tmp_path / "site" / "sub" / "page.html").write_text("hello again")
    prepare_content(tmp_path / "site", tmp_path / "two")
    states = [(tmp_path / name / "artifact" / "state" / "commit").read_text() for name in ("one", "two")]
    assert states[0] != states[1]


def test_a_command_of_ones_own_and_the_runtimes_environment_are_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "server.js").write_text("")
    cartridge = _cartridge(code={"path": "src", "start": ["node", "--trace-warnings", "server.js"]})
    context = prepare(cartridge, tmp_path, tmp_path / "context")
    assert context is not None
    recipe = (context / "Dockerfile").read_text()
    assert 'ENV PORT="8080"' in recipe
    assert recipe.endswith('ENTRYPOINT ["node", "--trace-warnings", "server.js"]\n')


def test_a_cartridge_of_code_has_what_its_runtime_has_unless_it_says_otherwise() -> None:
    python = library()["Cartridge", "python"].model
    assert isinstance(python, Cartridge)
    bare = completed(_cartridge(code={"path": "."}), python)
    assert (bare.ports, bare.security, bare.probes) == (python.ports, python.security, python.probes)
    assert bare.volumes == python.volumes
    own = _cartridge(
        code={"path": "."},
        ports=[{"name": "api", "port": 9000}],
        volumes=[{"name": "scratch"}],
        mounts=[{"volume": "scratch", "path": "/data"}],
        environment={"A": "1"},
    )
    made = completed(own, python)
    assert [port.name for port in made.ports] == ["api"]
    assert [(mount.volume, mount.path) for mount in made.mounts] == [("scratch", "/data")]
    assert made.environment["A"] == "1"


def test_an_application_needs_the_librarys_images_and_its_own(tmp_path: Path) -> None:
    for folder, file in (("code", "app.py"), ("pages", "index.html")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text("")
    (tmp_path / "app.yaml").write_text(APPLICATION)
    workspace = Workspace.load([tmp_path])
    needed = needed_images(workspace.compose("shop"))
    assert needed.library == ("mysql", "static")
    assert set(needed.own) == {"service"}
    assert needed.artifacts == {"search/pages": tmp_path / "pages"}


@pytest.mark.parametrize(
    ("runtime", "file", "lists", "lists_none", "folder"),
    [
        ("node", "package.json", '{"dependencies": {"x": "1"}}', '{"dependencies": {}}', "node_modules"),
        (
            "php",
            "composer.json",
            '{"require": {"php": "8", "a/b": "1"}}',
            '{"require": {"php": "8"}}',
            "vendor",
        ),
    ],
)
def test_listed_packages_that_are_not_beside_the_code_are_warned_of(
    tmp_path: Path, runtime: str, file: str, lists: str, lists_none: str, folder: str
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "c.yaml").write_text(
        f"apiVersion: altostratus/v1\nkind: Cartridge\nname: c\ncode: {{path: code, runtime: {runtime}}}\n"
    )
    (tmp_path / "code" / file).write_text(lists_none)
    assert validate([tmp_path]).findings == ()
    (tmp_path / "code" / file).write_text(lists)
    found = validate([tmp_path]).findings
    assert [(f.severity, f.line, file in f.message) for f in found] == [("warning", 4, True)]
    (tmp_path / "code" / folder).mkdir()
    assert validate([tmp_path]).findings == ()


@pytest.mark.parametrize(
    ("runtime", "files"),
    [
        ("python", {"requirements.txt": "flask==3\n"}),
        ("node", {"package.json": '{"dependencies": {"x": "1"}}', "package-lock.json": "{}"}),
    ],
)
def test_packages_that_are_listed_exactly_are_fetched(
    tmp_path: Path, runtime: str, files: dict[str, str]
) -> None:
    (tmp_path / "code").mkdir()
    for name, text in files.items():
        (tmp_path / "code" / name).write_text(text)
    (tmp_path / "c.yaml").write_text(
        f"apiVersion: altostratus/v1\nkind: Cartridge\nname: c\ncode: {{path: code, runtime: {runtime}}}\n"
    )
    assert validate([tmp_path]).findings == ()
    listed = packages_to_fetch(tmp_path / "code", runtime)
    assert listed is not None
    (tmp_path / "code" / listed.folder).mkdir()
    assert packages_to_fetch(tmp_path / "code", runtime) is None, "what is beside the code is taken"

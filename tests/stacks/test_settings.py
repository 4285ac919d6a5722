"""Settings are checked as a whole, and every fault is told with its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.settings import ApplicationStack, PlatformStack, SettingsError, StackSettings, check

GOOD = {"cloud": "local", "application": "shop", "blueprint": ["shop.yaml"]}


def written(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "Pulumi.app-shop.yaml"
    config = {f"altostratus:{key}": value for key, value in values.items()}
    file.write_text("encryptionsalt: v1:x\n" + yaml.safe_dump({"config": config}, sort_keys=False))
    return file


def faults(model: type[StackSettings], values: dict[str, Any], file: Path, *unknown: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        check(model, values, file, unknown)
    return list(refused.value.problems)


def test_good_settings_are_read(tmp_path: Path) -> None:
    read = check(ApplicationStack, {**GOOD, "scale": {"clusters": {"web": 3}, "generation": 2}}, tmp_path)
    assert read.scale.clusters == {"web": 3}
    assert read.blueprint == ("shop.yaml",)


def test_one_path_needs_no_list(tmp_path: Path) -> None:
    assert check(ApplicationStack, {**GOOD, "blueprint": "shop.yaml"}, tmp_path).blueprint == ("shop.yaml",)


def test_all_faults_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    values = {"cloud": "No Cloud", "application": "shop", "scale": {"clusters": {"web": "many"}}}
    file = written(tmp_path, values)
    told = faults(ApplicationStack, values, file)
    assert len(told) == 3
    cloud = next(each for each in told if "cloud" in each)
    assert cloud.startswith("Pulumi.app-shop.yaml:3: altostratus:cloud is 'No Cloud'; allowed are lower case")
    assert any("altostratus:blueprint is missing" in each and "pulumi config set" in each for each in told)
    assert any(each.startswith("Pulumi.app-shop.yaml:5:") and "web" in each for each in told)


def test_a_misspelt_key_is_named_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    file = written(tmp_path, {**GOOD, "bluprint": "x"})
    (told,) = faults(ApplicationStack, GOOD, file, "bluprint")
    assert told == "Pulumi.app-shop.yaml:7: altostratus:bluprint is not a setting; did you mean blueprint?"


def test_a_misspelt_key_inside_is_named_with_its_line_too(tmp_path: Path) -> None:
    values = {"platform": {"cartridges": ["php"], "gitRepos": {}}}
    (told,) = faults(PlatformStack, values, written(tmp_path, values))
    assert "Pulumi.app-shop.yaml:6: altostratus:platform.gitRepos is not a setting" in told
    assert "gitRepositories" in told


def test_a_repository_must_be_a_bare_one_at_an_absolute_path(tmp_path: Path) -> None:
    values = {"platform": {"gitRepositories": {"shop": "relative.git"}}}
    (told,) = faults(PlatformStack, values, written(tmp_path, values))
    assert "shop is 'relative.git'; write an absolute path" in told
    values = {"platform": {"gitRepositories": {"shop": str(tmp_path)}}}
    (told,) = faults(PlatformStack, values, written(tmp_path, values))
    assert "not a bare git repository" in told


def test_a_number_is_not_taken_for_text(tmp_path: Path) -> None:
    values = {**GOOD, "cloud": 7}
    (told,) = faults(ApplicationStack, values, written(tmp_path, values))
    assert "altostratus:cloud is 7" in told


def test_a_file_that_is_not_there_leaves_the_message_whole(tmp_path: Path) -> None:
    (told,) = faults(ApplicationStack, {**GOOD, "blueprint": []}, tmp_path / "Pulumi.app-x.yaml")
    assert told == "Pulumi.app-x.yaml: altostratus:blueprint is empty; name at least one"

"""The pre-commit hook and the GitHub action, run on a sample repository as their runners run them."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.nohook

ROOT = Path(__file__).parents[1]
RULES = "from fwp import Rule, System\nfrom fwp.rules import W, beta, gamma, k, v\n"
RIGHT = RULES + "from mypackage.rates import half\nleaky = System(Rule(half * beta * v * k - gamma * W))\n"
WRONG = RULES + "leaky = System(Rule(beta * v * v - gamma * W))\n"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A repository with rules, and with what its users write: three lines in each of two files."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    repository = tmp_path / "sample"
    (repository / "mypackage").mkdir(parents=True)
    (repository / "mypackage" / "__init__.py").touch()
    (repository / "mypackage" / "rates.py").write_text("half = 0.5\n")
    (repository / "mypackage" / "rules.py").write_text(RIGHT)
    (repository / ".pre-commit-config.yaml").write_text(
        "repos:\n  - {repo: https://example.org/fwp, rev: v0.1.0, hooks: [{id: fwp-check, args: [mypackage/rules.py]}]}\n"
    )
    git(repository, "init", "-q")
    git(repository, "add", ".")
    return repository


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True, text=True).stdout


def environment(**more: str) -> dict[str, str]:
    """As in an environment in which fwp is installed: its command comes first on the path."""
    commands = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1", **more}


def hooked(repository: Path) -> subprocess.CompletedProcess[str]:
    """What pre-commit does with a hook of `language: system`: entry, args, and file names where it passes them."""
    (own,) = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text())["repos"]
    (used,) = own["hooks"]
    known = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    hook = {**known[used["id"]], **used}
    assert hook["language"] == "system" and hook["types"] == ["python"]
    names = git(repository, "ls-files", "*.py").split()
    assert names, "a hook runs where a file of its types is there"
    command = [*shlex.split(hook["entry"]), *hook["args"], *(names if hook.get("pass_filenames", True) else [])]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, env=environment())


def test_the_hook_lets_a_right_rule_pass_and_a_wrong_one_fail(sample: Path) -> None:
    done = hooked(sample)
    assert done.returncode == 0 and "✓ gradcheck" in done.stdout, done.stdout + done.stderr
    (sample / "mypackage" / "rules.py").write_text(WRONG)
    done = hooked(sample)
    assert done.returncode == 1 and "AxisError" in done.stderr, done.stdout + done.stderr


def steps() -> list[dict[str, str]]:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite" and action["inputs"]["targets"]["required"] is True
    return action["runs"]["steps"]


def acted(repository: Path, targets: str, **more: str) -> list[subprocess.CompletedProcess[str]]:
    """What GitHub does with a composite action: each step in its shell, expressions filled in, up to one that fails."""
    done: list[subprocess.CompletedProcess[str]] = []
    for step in steps():
        assert step["shell"] == "bash" and "${{" not in step["run"], "an input in a script would be code"
        own = {name: value.replace("${{ inputs.targets }}", targets) for name, value in step.get("env", {}).items()}
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        env = environment(GITHUB_ACTION_PATH=str(ROOT), **own) | more
        done.append(subprocess.run(shell, cwd=repository, capture_output=True, text=True, env=env))
        if done[-1].returncode:
            break
    return done


def test_the_action_lets_a_right_rule_pass_and_a_wrong_one_fail(sample: Path) -> None:
    installed, checked = acted(sample, "mypackage/rules.py covariance")
    assert not installed.stdout, "fwp is here already"
    assert checked.returncode == 0 and "leaky" in checked.stdout and "covariance" in checked.stdout, checked.stderr
    (sample / "mypackage" / "rules.py").write_text(WRONG)
    assert [done.returncode for done in acted(sample, "mypackage/rules.py")] == [0, 1]


def test_the_action_installs_what_it_is_part_of(sample: Path, tmp_path: Path) -> None:
    """Where fwp is missing: a python that knows nothing but how to say what it was asked."""
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "python").write_text('#!/bin/sh\n[ "$1" = -c ] && exit 1\necho "$@"\n')
    (commands / "python").chmod(0o755)
    (commands / "fwp").write_text("#!/bin/sh\nexit 0\n")
    (commands / "fwp").chmod(0o755)
    installed, checked = acted(sample, "delta", PATH=f"{commands}{os.pathsep}{os.environ['PATH']}")
    assert installed.stdout.split() == ["-m", "pip", "install", f"{ROOT}[bench,testing]"]
    assert checked.returncode == 0


def test_the_extra_that_the_action_installs_is_there() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"bench", "testing"} <= set(project["optional-dependencies"])
    assert project["entry-points"]["pytest11"] == {"fwp": "pytest_fwp"}

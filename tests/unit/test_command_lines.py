# SPDX-License-Identifier: Apache-2.0
"""What of a command line is secret."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_events.command_lines import censor_command, censor_environment, censor_urls


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["-e", "a=hush b='hush hush'"], ["-e", "a=******** b=********"]),
        (["-ea=hush"], ["-ea=********"]),
        (["--extra-vars", '{"a": "hush"}'], ["--extra-vars", "********"]),
        (["--extra-vars=a=hush"], ["--extra-vars=a=********"]),
        (["--extra-var", "a=hush"], ["--extra-var", "a=********"]),
        (["-e", "@file.yml"], ["-e", "@file.yml"]),
        (["-e", "'unbalanced"], ["-e", "********"]),
        (["-a", "name=x password=hush"], ["-a", "name=x password=********"]),
        (["--args=api_key=hush"], ["--args=api_key=********"]),
        (["-a", "echo hello"], ["-a", "echo hello"]),
        (["-U", "https://me:hush@example.org/x"], ["-U", "https://********@example.org/x"]),
        (["-i", "inventory", "main.yml"], ["-i", "inventory", "main.yml"]),
    ],
)
def test_a_command_line_is_censored(command, expected):
    assert censor_command(command).words == expected
    assert "hush" not in " ".join(expected)


@pytest.mark.parametrize(
    "command",
    [
        "ansible-playbook -vve pw=hush p.yml",
        "ansible-playbook -Cepw=hush p.yml",
        "ansible-playbook -bDKe pw=hush p.yml",
        'ansible-playbook -De {"x":"hush"} p.yml',
        "ansible-playbook --e x=hush p.yml",
        "ansible-playbook --extra-v=x=hush p.yml",
        "ansible all -oa password=hush",
        "ansible all -m uri --arg url_password=hush",
        'ansible all -m shell -a \'{"password": "hush"}\'',
        "ansible all -a 'mysql --password=hush'",
        "ansible all -a 'mysql -phush'",
        "ansible all -a 'sh -c \"PW=hush x\"'",
        "env A=hush ansible-playbook p.yml",
        "sudo -E env A=hush ansible-playbook p.yml",
        "sh -c 'ansible-playbook -e x=hush p.yml'",
        "bash -lc 'cd /srv && X=hush ansible-playbook p.yml'",
        "sh -c 'echo hush | ansible-playbook p.yml'",
        "sh -c 'ansible-playbook p.yml <<<hush'",
        "sh -c 'sh -c \"ansible-playbook -e x=hush p.yml\"'",
        'ssh host "ansible-playbook -e x=hush p.yml"',
        "ansible-playbook -i 'h1 ansible_password=hush,' p.yml",
        "ansible-playbook --inv 'h1 x=hush,' p.yml",
        "ansible-playbook --ssh-common-args '-o ProxyCommand=\"sshpass -p hush x\"' p.yml",
        "ansible-playbook --ssh-extra-args=-ohush p.yml",
        "ansible-playbook --scp-e hush p.yml",
        "sshpass -p hush ansible-playbook p.yml",
        "sshpass -phush ansible-playbook p.yml",
        "ansible-playbook --become-password-file hush p.yml",
        "ansible-playbook --vault-password-f=hush p.yml",
        "ansible-playbook --conn-pass-file hush p.yml",
        "ansible-galaxy collection publish --token hush x.tar.gz",
        "ansible-galaxy role import --api-key=hush x y",
        "ansible-vault encrypt_string hush --name x",
        "ansible-pull -U https://me:hush@example.org/x.git",
        "ansible-pull -Uhttps://me:hush@example.org/x.git",
        "ansible-pull -U https://me:hu/hush@example.org/x.git",
        "ansible-playbook -i https://example.org/?token=hush p.yml",
        "curl -u me:hush x",
        "podman run -e TOKEN=hush image ansible-playbook p.yml",
    ],
)
def test_a_secret_is_hidden_wherever_argparse_or_a_shell_takes_it(command):
    censored = censor_command(shlex.split(command))
    assert "hush" not in " ".join(censored.words)
    assert any("hush" in echo for echo in censored.echoes)


def test_what_is_known_to_be_a_secret_is_told_apart_from_what_is_only_hidden():
    censored = censor_command(["ansible-playbook", "-e", "password=hush version=1.2.3", "p.yml"])
    assert censored.secrets == ["hush"]
    assert censored.echoes == ["password=hush version=1.2.3"]


@pytest.mark.parametrize(
    "command",
    [
        "ansible-playbook -i hosts,h2 -l web -t a,b -u root -c local -f 10 -vvv -K --ask-vault-pass --check p.yml",
        "ansible-playbook --private-key ~/.ssh/id --vault-password-file /srv/vault --vault-id dev@prompt p.yml",
        "ansible all -m copy -a 'src=/a dest=/b'",
        "ansible all -m shell -a 'uptime | wc -l'",
        "ansible-pull -U https://example.org/x.git -d dir --accept-host-key p.yml",
        "sh -c 'ansible-playbook a.yml; ansible-playbook b.yml'",
        "podman run -p 8080:80 -u 1000:1000 image",
    ],
)
def test_what_is_no_secret_stays(command):
    assert censor_command(shlex.split(command)) == (shlex.split(command), [], [])


@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_words_can_be_read(words):
    assert len(censor_command(words).words) == len(words)


def test_an_environment_goes_without_what_has_the_name_of_a_secret():
    found = censor_environment({"DB_PASSWORD": "hush", "PROXY": "http://me:hush@proxy/", "HOME": "/root", "N": 1})
    assert found == {"DB_PASSWORD": "********", "PROXY": "http://********@proxy/", "HOME": "/root"}


def test_urls_lose_their_users():
    assert censor_urls("see https://a:hush@b/c and http://d/") == "see https://********@b/c and http://d/"

import os
import subprocess
import sys
import traceback
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.errors import CredentialsError, ExitCode, InputError
from collector.core.secrets import Secret
from collector.http.credentials import (
    AccessToken,
    ClientCredentials,
    Credentials,
    hint_at_quotes,
    load_credentials,
    secrets_of,
)
from tests.cli.process_one import UNSHARE, needs_namespaces
from tests.conftest import ENVIRONMENT

ID, SECRET, TOKEN = "id-9c1f", "s3cret-5f2e", "token-77aa"
CLIENT = ClientCredentials(Secret(ID), Secret(SECRET))
CLIENT_VARIABLES = {"TRUST_CLIENT_ID": ID, "TRUST_CLIENT_SECRET": SECRET}
VARIABLES = {**CLIENT_VARIABLES, "TRUST_ACCESS_TOKEN": TOKEN}

WriteFile = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Give a function that writes a credentials file."""

    def write(content: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "credentials.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return write


def test_a_client_comes_from_the_environment() -> None:
    """From two variables; others are of no interest."""
    assert load_credentials({**CLIENT_VARIABLES, "HOME": "/root"}, None) == CLIENT


def test_a_token_beats_a_client() -> None:
    """With all three set, the token is used."""
    assert load_credentials(VARIABLES, None) == AccessToken(Secret(TOKEN))
    assert load_credentials({**VARIABLES, "TRUST_ACCESS_TOKEN": ""}, None) == CLIENT


def test_a_file_beats_the_environment(write: WriteFile) -> None:
    """The named file alone counts: nothing is mixed in from the environment."""
    file = write(f'client_id = "{ID}"\nclient_secret = "{SECRET}"\n')
    assert load_credentials({"TRUST_ACCESS_TOKEN": TOKEN}, file) == CLIENT
    with pytest.raises(CredentialsError, match=r"client_secret is missing in .* into that file"):
        load_credentials(VARIABLES, write(f'client_id = "{ID}"'))
    with pytest.raises(CredentialsError, match=r"no credentials in .* the environment is not read"):
        load_credentials(VARIABLES, write(""))


def test_a_file_may_hold_a_token(write: WriteFile) -> None:
    """In the same way as a client; the token goes first there too."""
    file = write(f'access_token = "{TOKEN}"\nclient_id = "{ID}"\nclient_secret = "{SECRET}"')
    assert load_credentials({}, file) == AccessToken(Secret(TOKEN))


def test_a_program_gives_them_as_texts() -> None:
    """They are checked as those of the environment, and no message repeats them."""
    assert ClientCredentials.of(f" {ID}", f"{SECRET}\n") == CLIENT
    assert AccessToken.of(TOKEN) == AccessToken(Secret(TOKEN))
    with pytest.raises(CredentialsError, match=r"^client_secret in the arguments is empty"):
        ClientCredentials.of(ID, " ")
    with pytest.raises(CredentialsError, match=r"^token in the arguments holds white") as caught:
        AccessToken.of("two words")
    assert "words" not in str(caught.value)
    with pytest.raises(InputError, match=r"^client_id in the arguments has \d+ characters"):
        ClientCredentials.of("x" * 20_000, SECRET)


@pytest.mark.parametrize("missing", ["TRUST_CLIENT_ID", "TRUST_CLIENT_SECRET"])
@pytest.mark.parametrize("value", [None, "", "  \t\n"])
def test_half_of_a_client_is_none(missing: str, value: str | None) -> None:
    """The message names the missing half, not the present one, and says what to do."""
    environ = {**CLIENT_VARIABLES, missing: value or ""}
    if value is None:
        del environ[missing]
    with pytest.raises(CredentialsError, match=rf"^{missing} is missing in the env") as caught:
        load_credentials(environ, None)
    text = str(caught.value)
    assert ID not in text
    assert SECRET not in text
    assert "--credentials-file" in text
    assert caught.value.exit_code is ExitCode.CREDENTIALS


@pytest.mark.parametrize(
    "environ", [{}, dict.fromkeys(VARIABLES, ""), dict.fromkeys(VARIABLES, " ")]
)
def test_without_credentials_the_message_says_how_to_give_them(environ: dict[str, str]) -> None:
    """Every way is named."""
    with pytest.raises(CredentialsError, match=r"^no credentials in the environment") as caught:
        load_credentials(environ, None)
    for name in (*VARIABLES, "--credentials-file"):
        assert name in str(caught.value)


def test_white_space_around_a_secret_is_taken_off(write: WriteFile) -> None:
    """As a shell or an editor leaves it."""
    environ = {"TRUST_CLIENT_ID": f" {ID}\n", "TRUST_CLIENT_SECRET": f"\t{SECRET}\r\n"}
    assert load_credentials(environ, None) == CLIENT
    assert load_credentials({}, write(f'access_token = "{TOKEN}\\n"')) == AccessToken(Secret(TOKEN))


@pytest.mark.parametrize(
    "inside", [" ", "\n", "\r\nX-Evil: 1", "\x00", "\x1b[2J", "\x7f", "é", "\u200b"]
)
@pytest.mark.parametrize("name", list(VARIABLES))
def test_what_would_break_a_header_is_refused_and_not_shown(name: str, inside: str) -> None:
    """The variable is named; neither its value nor a control character is in the message."""
    environ = {**VARIABLES, name: f"abcd{inside}efgh"}
    with pytest.raises(CredentialsError, match=f"^{name} in the environment holds") as caught:
        load_credentials(environ, None)
    text = str(caught.value)
    assert text.isprintable()
    assert text.isascii()
    assert not any(secret in text for secret in ("abcd", "efgh", ID, SECRET, TOKEN))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_any_printable_secret_is_taken_verbatim(value: str) -> None:
    """Quotes, backslashes, `#`, `=` and `%` mean nothing."""
    credentials = load_credentials({"TRUST_ACCESS_TOKEN": value}, None)
    assert credentials == AccessToken(Secret(value))


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_secret_in_quotes_is_hinted_at_and_masked_without_them_too(quote: str) -> None:
    """It is used as it is: a server may have issued it so. Each one in quotes is named."""
    environ = {"TRUST_CLIENT_ID": ID, "TRUST_CLIENT_SECRET": f"{quote}{SECRET}{quote}"}
    credentials = load_credentials(environ, None)
    secrets = {secret.reveal() for secret in secrets_of(credentials)}
    assert secrets == {ID, f"{quote}{SECRET}{quote}", SECRET}
    hint = hint_at_quotes(credentials)
    assert hint.startswith("; TRUST_CLIENT_SECRET begins and ends with a quote")
    assert "CLIENT_ID" not in hint
    assert SECRET not in hint
    assert "TRUST_ACCESS_TOKEN begins" in hint_at_quotes(
        AccessToken(Secret(f"{quote}{TOKEN}{quote}"))
    )


@pytest.mark.parametrize(
    "value", [TOKEN, f'"{TOKEN}', f"{TOKEN}'", f"\"{TOKEN}'", '"', f'a"{TOKEN}"']
)
def test_a_quote_at_one_end_only_is_no_hint(value: str) -> None:
    """A secret may have any characters."""
    assert hint_at_quotes(AccessToken(Secret(value))) == ""
    assert secrets_of(AccessToken(Secret(value))) == (Secret(value),)


@pytest.mark.parametrize("name", list(VARIABLES))
def test_a_value_that_is_too_long_is_refused(write: WriteFile, name: str) -> None:
    """No server takes such a header; the message has the length, not the value."""
    longest = "x" * 16_384
    key = name.removeprefix("TRUST_").lower()
    load_credentials({**VARIABLES, name: longest}, None)
    with pytest.raises(InputError, match=f"^{name} in the environment has 16385 char") as caught:
        load_credentials({**VARIABLES, name: f"{longest}y"}, None)
    assert "xxx" not in str(caught.value)
    with pytest.raises(InputError, match=f"^{key} in .*credentials.toml has 16385 characters"):
        load_credentials({}, write(f'{key} = "{longest}y"'))


def test_no_more_of_a_file_is_read_than_credentials_take(write: WriteFile) -> None:
    """Of a file of 5 GB not, which has no disk space behind it here."""
    file = write(f'access_token = "{TOKEN}"')
    os.truncate(file, 5 * 1024**3)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="has more than 128 KiB"):
            load_credentials({}, file)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1024**2


@pytest.mark.parametrize("before", ["\ufeff", "\ufeff  "])
def test_a_byte_order_mark_is_skipped(write: WriteFile, before: str) -> None:
    """In the file, and before a value that a shell has read from a file."""
    assert load_credentials({"TRUST_ACCESS_TOKEN": f"{before}{TOKEN}\n"}, None) == AccessToken(
        Secret(TOKEN)
    )
    file = write(f'{before}access_token = "{TOKEN}"\r\n')
    assert load_credentials({}, file) == AccessToken(Secret(TOKEN))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o660, 0o777])
def test_a_file_that_others_may_touch_is_refused(write: WriteFile, mode: int) -> None:
    """Reading, writing or executing, by group or others: the message says how to close it."""
    file = write(f'access_token = "{TOKEN}"', mode)
    with pytest.raises(InputError, match=rf"mode {mode:04o}.*chmod 600 {file}") as caught:
        load_credentials({}, file)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_the_owner_alone_is_taken(write: WriteFile, mode: int) -> None:
    """Whatever the owner may do with it."""
    file = write(f'access_token = "{TOKEN}"', mode)
    assert load_credentials({}, file) == AccessToken(Secret(TOKEN))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
def test_a_file_of_another_user_is_refused(
    write: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That user can read and change it. One of root is accepted, as systemd provides it."""
    file = write(f'access_token = "{TOKEN}"')
    os.chown(file, 12345, -1)
    words = r"belongs to another user \(uid 12345\), .*as that user, or run: chown 0 "
    for mode in (0o600, 0o400):
        file.chmod(mode)
        with pytest.raises(InputError, match=words) as caught:
            load_credentials({"CREDENTIALS_DIRECTORY": str(tmp_path)}, file)
        assert TOKEN not in str(caught.value)
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(InputError, match=words):
        load_credentials({}, link)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert load_credentials({}, file) == AccessToken(Secret(TOKEN))
    os.chown(file, 0, -1)
    assert load_credentials({}, file) == AccessToken(Secret(TOKEN))


def test_the_mode_is_that_of_the_file_behind_a_link(write: WriteFile, tmp_path: Path) -> None:
    """Not the link's own, which is always open."""
    link = tmp_path / "link"
    link.symlink_to(write(f'access_token = "{TOKEN}"'))
    assert load_credentials({}, link) == AccessToken(Secret(TOKEN))
    write(f'access_token = "{TOKEN}"', 0o644)
    with pytest.raises(InputError, match="mode 0644"):
        load_credentials({}, link)


@pytest.mark.parametrize(
    "content",
    [
        f"client_secret = {SECRET}",
        f'client_secret = "{SECRET}',
        f"{SECRET}",
        f"client_id: {ID}\nclient_secret: {SECRET}",
        f'access_token = "{SECRET}"\naccess_token = "{SECRET}"',
        f'client_secret = "{SECRET}\x01"',
        f'{{"client_id": "{ID}", "client_secret": "{SECRET}"}}',
        f'[client]\nclient_secret = "{SECRET}"',
        f'clientsecret = "{SECRET}"',
        f'client_secret = ["{SECRET}"]',
        f'client_secret = {{ value = "{SECRET}" }}',
        f'client_secret = "{SECRET}"\nclient_id = 5',
        f'client_secret = "{SECRET}"\nclient_id = true',
        b'client_secret = "' + SECRET.encode() + b'\xff"',
        (f'client_secret = "{SECRET}"').encode("utf-16"),
        f'client_id = {"[" * 100_000}"{SECRET}"',
        f'client_id = {"{a=" * 20_000}"{SECRET}"',
        f'client_id{".a" * 2000} = "{SECRET}"',
        f'client_secret = "{SECRET}"\nclient_id = {"9" * 5000}',
        f'client_secret = "{SECRET}"\nclient_id = 0x{"f" * 5000}',
    ],
)
def test_a_file_that_cannot_be_used_is_an_input_error(
    write: WriteFile, content: str | bytes
) -> None:
    """The message names the file and never the secret, and no cause hides it in a traceback."""
    file = write(content)
    with pytest.raises(InputError) as caught:
        load_credentials({}, file)
    assert str(caught.value).startswith(f"--credentials-file {file}: ")
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    assert SECRET not in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_the_message_says_what_is_wrong_in_the_file(write: WriteFile) -> None:
    """An unknown key with the known ones, a value of another type by its name."""
    with pytest.raises(InputError, match="unknown key 'client'; known are access_token, client_id"):
        load_credentials({}, write('client = "x"'))
    with pytest.raises(InputError, match="client_id must be a text in quotes"):
        load_credentials({}, write('client_secret = "x"\nclient_id = 12'))
    with pytest.raises(InputError, match=r'is not TOML; write lines like client_id = "\.\.\."'):
        load_credentials({}, write("client_id"))
    with pytest.raises(InputError, match="it is not UTF-8 text"):
        load_credentials({}, write(b'client_id = "\xff"'))


def test_a_variable_may_name_a_file_with_the_value(tmp_path: Path) -> None:
    """As containers mount secrets: one value, with a line break or a byte order mark at most."""
    environ = {}
    for name, content in (("CLIENT_ID", f"{ID}\n"), ("CLIENT_SECRET", f"\ufeff{SECRET}")):
        file = tmp_path / name
        file.write_text(content, encoding="utf-8")
        file.chmod(0o400)
        environ[f"TRUST_{name}_FILE"] = str(file)
    assert load_credentials(environ, None) == CLIENT
    mixed = {**environ, "TRUST_CLIENT_SECRET_FILE": "", "TRUST_CLIENT_SECRET": SECRET}
    assert load_credentials(mixed, None) == CLIENT
    with pytest.raises(InputError, match="TRUST_CLIENT_ID and TRUST_CLIENT_ID_FILE are both set"):
        load_credentials(environ | CLIENT_VARIABLES, None)


def test_a_file_of_one_value_is_checked_as_any(tmp_path: Path) -> None:
    """Its mode, its size, its text; the message names the variable, and never the value."""
    file, named = tmp_path / "token", "TRUST_ACCESS_TOKEN_FILE"
    file.write_bytes(TOKEN.encode() + b"\xff")
    for mode, words in ((0o644, "mode 0644"), (0o600, "not UTF-8")):
        file.chmod(mode)
        with pytest.raises(InputError, match=words) as caught:
            load_credentials({named: str(file)}, None)
        assert str(caught.value).startswith(f"{named} {file}: ")
        assert TOKEN not in "".join(traceback.format_exception(caught.value))
    os.truncate(file, 10**6)
    with pytest.raises(InputError, match="has more than 128 KiB"):
        load_credentials({named: str(file)}, None)
    for content, error, words in (
        (b" \n", CredentialsError, " is empty"),
        (b"a\nb\n", CredentialsError, " holds white space"),
        (b"x" * 20_000, InputError, " has 20000 characters"),
    ):
        file.write_bytes(content)
        with pytest.raises(error) as refused:
            load_credentials({named: str(file)}, None)
        assert str(refused.value).startswith(f"{named} {file}{words}")


def test_a_file_of_a_variable_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Unless the value may be the secret itself, by mistake."""
    named = "TRUST_ACCESS_TOKEN_FILE"
    with pytest.raises(InputError, match="cannot be read: No such file") as caught:
        load_credentials({named: f"{tmp_path}/absent"}, None)
    assert str(caught.value).startswith(f"{named} {tmp_path}/absent: ")
    for value in (TOKEN, f"/{TOKEN}", f"/nowhere/{TOKEN}"):
        with pytest.raises(InputError, match="may be the secret itself") as caught:
            load_credentials({named: value}, None)
        assert TOKEN not in str(caught.value)


def test_a_pipe_is_no_file_with_secrets(tmp_path: Path) -> None:
    """Opening one waits for a writer that may never come."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(InputError, match="pipe is a named pipe, not a file"):
        load_credentials({"TRUST_ACCESS_TOKEN_FILE": str(pipe)}, None)
    with pytest.raises(InputError, match=r"--credentials-file .*pipe is a named pipe, not a file"):
        load_credentials({}, pipe)


@pytest.mark.parametrize("mode", [0o644, 0o444, 0o640])
def test_a_file_on_a_read_only_mount_may_be_readable(tmp_path: Path, mode: int) -> None:
    """A real mount, in a namespace of its own; the same file is refused where it is writable."""
    needs_namespaces()
    script = "mount -t tmpfs none $1; printf %s $2 > $1/token; chmod $3 $1/token; {}exec $4 -c '{}'"
    program = (
        "import os; from collector.http.credentials import load_credentials; "
        "print(load_credentials(os.environ, None).token.reveal())"
    )
    ends = []
    for remount in ("mount -o remount,ro $1; ", ""):
        shell = ("sh", "-ec", script.format(remount, program), "sh")
        words = (str(tmp_path), TOKEN, f"{mode:o}", sys.executable)
        done = subprocess.run(  # noqa: S603 - our own code
            (*UNSHARE, "--mount", *shell, *words),
            env={**ENVIRONMENT, "TRUST_ACCESS_TOKEN_FILE": f"{tmp_path}/token"},
            check=False,
            capture_output=True,
            text=True,
        )
        ends.append((done.stdout.strip(), f"mode {mode:04o}" in done.stderr))
    assert ends == [(TOKEN, False), ("", True)]


def test_a_file_that_is_not_there_or_no_file_is_an_input_error(tmp_path: Path) -> None:
    """With the system's own reason."""
    with pytest.raises(InputError, match=r"absent: cannot be read: No such file"):
        load_credentials(VARIABLES, tmp_path / "absent")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load_credentials(VARIABLES, tmp_path)


@pytest.mark.parametrize("credentials", [CLIENT, AccessToken(Secret(TOKEN))])
def test_credentials_do_not_show_themselves(credentials: Credentials) -> None:
    """Not in `repr`, `str` or a format string, alone or inside of something."""
    secrets = secrets_of(credentials)
    shown = [f"{credentials}", f"{credentials!r}", str([credentials]), f"{credentials!s:>200}"]
    for secret in secrets:
        shown += [f"{secret}", f"{secret!r}", f"{secret!s:<60}", "%s %r" % (secret, secret)]  # noqa: UP031 - a way to show it
        shown.append(f"{secret:}")
    for text in shown:
        assert not any(value in text for value in (ID, SECRET, TOKEN))
    assert {secret.reveal() for secret in secrets} in ({ID, SECRET}, {TOKEN})


def test_secrets_are_compared_by_value() -> None:
    """And a text is no secret, so that no comparison tells one by accident."""
    assert Secret(TOKEN) == Secret(TOKEN)
    assert len({Secret(TOKEN), Secret(TOKEN), Secret(ID)}) == 2
    assert Secret(TOKEN) != TOKEN
    assert Secret(TOKEN) != Secret(ID)

"""`phoenix key`: the key that signs certificates, and those before it."""

from dataclasses import dataclass

import typer

from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.agent.signing_keys import SigningKey, SigningKeys
from phoenix_platform.analysis.certificates import key_id_of
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table

app = typer.Typer(no_args_is_help=True, help="The key that signs certificates.")


@dataclass(frozen=True, slots=True)
class KeyView:
    key_id: str
    public_key: str
    """32 bytes in hex; what others pass to `phoenix certificate verify --key`."""
    signs: bool
    """Whether new certificates are signed by it."""


@app.command()
def show(output: OutputOption = Output.TABLE) -> None:
    """Show the public key that signs your certificates, and those before it; made on first use."""
    keys = signing_keys()
    is_new = not keys.path.exists()
    key = keys.current()
    if is_new:
        note(f"made a key: {keys.path}")
    _show(keys, key, output)


@app.command()
def rotate(output: OutputOption = Output.TABLE) -> None:
    """Sign with a new key from now on. Certificates of the old one stay known as yours."""
    keys = signing_keys()
    key = keys.rotate()
    note(f"made a key: {keys.path}; the private half of the one before is deleted")
    _show(keys, key, output)


def signing_keys() -> SigningKeys:
    """The keys of the user who runs this program."""
    return SigningKeys(AgentSettings().signing_keys, key_id_of)


def _show(keys: SigningKeys, current: SigningKey, output: Output) -> None:
    of_current = key_id_of(current.public_key)
    views = [
        KeyView(key_id, public.hex(), key_id == of_current)
        for key_id, public in keys.known().items()
    ]
    views.sort(key=lambda view: not view.signs)
    if output is Output.JSON:
        print_json(views)
    else:
        rows = [
            (view.key_id, view.public_key, "signs" if view.signs else "signed before")
            for view in views
        ]
        print_table(("key id", "public key", "use"), rows)

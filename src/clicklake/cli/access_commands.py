"""Commands for API keys: keys add, list, revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clicklake.cli.context import Context

if TYPE_CHECKING:
    from clicklake.lake import Lake


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group = typer.Typer(help="The API keys of a lake: who may use its API, in which role.", no_args_is_help=True)
    group.command("add")(keys_add)
    group.command("list")(keys_list)
    group.command("revoke")(keys_revoke)
    app.add_typer(group, name="keys")


def complete_role(ctx: typer.Context, incomplete: str) -> list[str]:
    """The roles that begin with what was typed."""
    from clicklake.access.roles import ROLES, roles_of

    lake = _lake(ctx)
    known = roles_of(lake.settings.access) if lake else ROLES
    return [name for name in known if name.startswith(incomplete)]


def complete_key(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names and ids of keys that begin with what was typed."""
    from clicklake.access.keys import Keys

    lake = _lake(ctx)
    found = [text for key in Keys.of(lake).all() for text in (key.name, key.id)] if lake else []
    return [text for text in dict.fromkeys(found) if text.startswith(incomplete)]


def _lake(ctx: typer.Context) -> Lake | None:
    """The lake that the flags typed so far name; None where it can't be opened."""
    from clicklake.errors import ClicklakeError

    flags = ctx.find_root().params
    try:
        return Context(lake=flags.get("lake"), config=flags.get("config"), profile=flags.get("profile")).open()
    except ClicklakeError:
        return None


def keys_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose key it is, as the audit names it.")],
    role: Annotated[
        str,
        typer.Option(
            help="What it may: reader, analyst, engineer, admin or a role of the settings.",
            autocompletion=complete_role,
        ),
    ],
    expires: Annotated[
        str | None, typer.Option(metavar="90d|DATE", help="How long it holds, or its last day; else until revoked.")
    ] = None,
) -> None:
    """Make an API key. It is shown once; only its hash is kept."""
    from clicklake.access.keys import Keys
    from clicklake.access.roles import roles_of
    from clicklake.contracts.catalogue import pick

    context: Context = ctx.obj
    lake = context.open()
    pick(role, roles_of(lake.settings.access), "role")
    keys = Keys.of(lake)
    key, kept = keys.add(name, role, expires)
    if context.json:
        import json

        typer.echo(json.dumps({"key": key, "id": kept.id, "name": name, "role": role, "expires_at": kept.expires_at}))
        return
    until = f"until {kept.expires_at}" if kept.expires_at else "until it is revoked"
    context.say(f"the key of {name} ({role}) holds {until}; it is shown this once, {keys.file} has its hash alone:")
    typer.echo(key)


def keys_list(ctx: typer.Context) -> None:
    """All keys: whose they are, their role, and whether they hold."""
    from datetime import datetime, timezone

    from clicklake.access.keys import Keys

    context: Context = ctx.obj
    now = datetime.now(timezone.utc)
    found = Keys.of(context.open()).all()
    if not found and not context.json:
        context.say("there is no key yet: clicklake keys add NAME --role analyst")
        return
    context.show(
        {
            "id": key.id,
            "name": key.name,
            "role": key.role,
            "state": key.state(now),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        }
        for key in found
    )


def keys_revoke(
    ctx: typer.Context,
    which: Annotated[
        str,
        typer.Argument(metavar="NAME|ID", help="A key by its id, or all keys of a name.", autocompletion=complete_key),
    ],
) -> None:
    """Let a key hold no more, at once."""
    from clicklake.access.keys import Keys

    context: Context = ctx.obj
    revoked = Keys.of(context.open()).revoke(which)
    if context.json:
        import json

        typer.echo(json.dumps([{"id": key.id, "name": key.name} for key in revoked]))
        return
    context.say(f"revoked: {', '.join(f'{key.id} ({key.name})' for key in revoked) or 'none, it was already'}")

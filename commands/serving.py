"""The service: ``serve``, ``settings``, ``token``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from commands.common import DATA, Data, one_of, tell

app = typer.Typer()
token_app = typer.Typer(help="Tokens: who may write through the service.", no_args_is_help=True)
app.add_typer(token_app, name="token")
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="File of settings; else ZHENGMAI_CONFIG, else zhengmai.toml if there is one here."
    ),
]
Tokens = Annotated[
    Path | None,
    typer.Option(
        "--file", envvar="ZHENGMAI_TOKENS", help="File of tokens; else tokens.json of the data folder."
    ),
]


@app.command(epilog="Example: zhengmai serve --port 8000 --processes 2")
def serve(
    config: Config = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the built graph.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    processes: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Address of a SPARQL 1.1 server that holds the graph.")
    ] = None,
) -> None:
    """Serve pages, the API and SPARQL until stopped. An option counts more than the settings (zhengmai settings)."""
    from api import serving
    from api.settings import load
    from graph import sealing
    from graph.build import open_current

    loaded = load(config, {"data": data, "host": host, "port": port, "processes": processes, "store": store})
    _tell_unknown(loaded.unknown)
    # A build in which anything is not as it was published is told now, not served.
    sealing.trust(open_current(loaded.settings.data))
    serving.serve(loaded.settings, lambda url: tell(f"Zhengmai is served on {url}  (stop with Ctrl-C)"))


@app.command("settings", epilog="Example: zhengmai settings --config zhengmai.toml")
def settings_command(
    config: Config = None,
    format: Annotated[
        str,
        typer.Option("--format", help="toml (values and where each comes from) or markdown (all there are)."),
    ] = "toml",
) -> None:
    """Print the settings of the service that are in force, and where each came from."""
    from api.settings import load, table

    one_of("--format", format, ("toml", "markdown"))
    if format == "markdown":
        sys.stdout.write(table())
        return
    loaded = load(config)
    _tell_unknown(loaded.unknown)
    print("\n".join(loaded.lines()))


@token_app.command("add", epilog="Example: zhengmai token add office --scope plans --scope waivers")
def token_add(
    name: Annotated[str, typer.Argument(help="Whose it is; stands in the audit trail.")],
    data: Data = DATA,
    file: Tokens = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="plans, graphs or waivers; without one, all.")
    ] = None,
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    from api.writing.tokens import FILE, SCOPES, add_token

    print(add_token(file or data / FILE, name, tuple(dict.fromkeys(scope or SCOPES))))
    tell("Keep it now: it is not shown again. Send it as “Authorization: Bearer …”.")


@token_app.command("list", epilog="Example: zhengmai token list")
def token_list(data: Data = DATA, file: Tokens = None) -> None:
    """List the tokens: name, scopes, day."""
    from api.writing.tokens import FILE, load_tokens

    for one in load_tokens(file or data / FILE):
        print(f"{one.name}\t{','.join(one.scopes)}\t{one.made}")


@token_app.command("revoke", epilog="Example: zhengmai token revoke office")
def token_revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")], data: Data = DATA, file: Tokens = None
) -> None:
    """Make a token worthless, from the next request on."""
    from api.writing.tokens import FILE, revoke_token

    revoke_token(file or data / FILE, name)
    tell(f"{name}: revoked")


def _tell_unknown(variables: tuple[str, ...]) -> None:
    """Variables that look like settings: most often a slip."""
    for name in variables:
        tell(
            f"{name}: there is no such setting; it is passed over ('zhengmai settings' lists those there are)"
        )

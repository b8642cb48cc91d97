"""The command line: its commands, and one line for whatever goes wrong. Heavy imports wait until they are needed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from evenflow import __version__
from evenflow.commands.audit import audit
from evenflow.commands.compare import compare
from evenflow.commands.derive import derive
from evenflow.commands.design import design
from evenflow.commands.explore import explore
from evenflow.commands.figures import figures
from evenflow.commands.sweep import sweep
from evenflow.commands.train import train
from evenflow.errors import one_line
from theory.checks import ArgumentError, ArgumentTypeError

INTERRUPTED = 130  # by Ctrl-C, as shells count it
COMMANDS = (compare, derive, audit, design, sweep, train, figures, explore)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Why training stalls along some singular directions, and what evening out the speeds does.",
)
for command in COMMANDS:
    app.command(short_help=(command.__doc__ or "").splitlines()[0])(command)  # whole: typer would cut it off


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evenflow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: bad input is one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:  # as some versions of typer say it, others abort
            _refuse("Stopped.")
    except (ArgumentError, ArgumentTypeError) as error:
        code = _refuse(str(error))
    except typer.Abort:
        code = _refuse("Stopped.", INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except MemoryError as error:
        code = _refuse(f"Argument list must ask for what fits into memory, but {str(error) or 'it does not'}.")
    except OSError as error:
        code = _refuse(f"Output could not be written: {error.strerror}.", 1)
    except Exception as error:
        line = one_line(error)
        if line is None:
            raise
        code = _refuse(line)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(line: str, code: int = 2) -> int:
    typer.echo(line, err=True)
    return code

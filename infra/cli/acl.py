"""`dalston acl`: the users of a Redis that somebody else runs, and their rights."""

import click

from infra.cli.shell import Shell
from infra.local.access import Access
from infra.local.options import DEFAULT_ENGINES
from streams import acl as roles
from streams.keys import Keys
from streams.settings import Settings


@click.command(epilog="Example: dalston acl --engine pyannote > users.acl")
@click.option("--engine", "more", multiple=True, metavar="NAME",
              help="One more than those of `dalston up`; may be repeated.")  # fmt: skip
@click.pass_obj
def acl(shell: Shell, more: tuple[str, ...]) -> None:
    """Print an ACL file for a Redis or Valkey of your own.

    A user for the operator, the projector, the web and each engine, each with the rights that it
    needs and a fresh random password, and nobody else: the default user is off. The file holds
    digests; what each process is to have in its DALSTON_REDIS_URL goes to the terminal, once.
    """
    settings = Settings.from_env(shell.environ)
    keys = Keys(settings.key_prefix, settings.partition)
    access = Access.fresh(keys, dict.fromkeys([*DEFAULT_ENGINES, *more]))
    click.echo(access.file(), nl=False)
    for role in access.passwords:
        shell.say("redis://{}:{}@HOST:6379/0".format(*access.login(role)))
    shell.say(f"{roles.OPERATOR}: for `dalston doctor` and `dalston recover`, and for you")

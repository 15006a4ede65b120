"""``python -m infra.cli``: the same as `dalston`."""

from infra.cli import main

main()

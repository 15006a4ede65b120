"""HTTP, sockets and the page: commands in, live state out."""

import sys

# httpx imports its own command line, and that rich and pygments: 4 MB in a process that has none.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

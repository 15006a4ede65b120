"""``python -m engines.sdk.probe``: is the engine in this container ready? For health checks."""

import http.client
import os
import sys


def main() -> int:
    """0 when /readyz answers 200 on the engine's health port, 1 when not."""
    port = int(os.environ.get("DALSTON_HEALTH_PORT", "9100"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/readyz")
        return 0 if connection.getresponse().status == 200 else 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tests.documents``: writes the generated parts of the documents anew, and the files of
deploy/ that are generated as a whole."""

from __future__ import annotations

import sys

from tests.support import asyncapi
from tests.support.deployment import write_generated
from tests.support.documents import write_all

if __name__ == "__main__":
    sys.stdout.writelines(f"{path}: written\n" for path in [*write_all(), *write_generated()])
    try:
        if asyncapi.write():
            sys.stdout.write(f"{asyncapi.DOCUMENT}: written\n")
    except ValueError as exc:
        sys.exit(f"{asyncapi.DOCUMENT}: {exc}")

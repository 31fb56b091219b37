"""msgspec, which the extra `io` installs: an import that says so where it is missing."""

from typing import TYPE_CHECKING

from bookflow._optional import need

if TYPE_CHECKING:
    import msgspec
else:
    msgspec = need("msgspec", "io")

__all__ = ["msgspec"]

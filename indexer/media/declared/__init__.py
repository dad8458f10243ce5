"""What a file says of itself: Content Credentials, XMP and IPTC, PNG text, EXIF.

Reported as said by the file, never scored; that a file says nothing means nothing. The parsers
read hostile bytes, so the product runs this in the decoder process and takes `Decoded.declared`.
"""

from __future__ import annotations

from indexer.media.declared.facts import declared_facts

__all__ = ["declared_facts"]

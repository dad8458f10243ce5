"""The aligned face as it is shown: blurred unless asked for again (design rule 8).

What is blurred here was made by our own examiner (a small greyscale PNG); nothing fetched or given
is ever decoded in this process. The bytes that leave are blurred, not only their display.
"""

from __future__ import annotations

import io

from PIL import Image, ImageFilter
from starlette.responses import Response

_BLUR_RADIUS_PX = 7
_LARGEST_SIDE_PX = 512


def face_response(crop_png: bytes, *, clear: bool) -> Response:
    """The crop as a picture of ours that nobody keeps; blurred unless `clear`."""
    return Response(
        crop_png if clear else blurred(crop_png),
        media_type="image/png",
        headers={"Cache-Control": "no-store", "Content-Disposition": "inline"},
    )


def blurred(crop_png: bytes) -> bytes:
    """The crop, greyscale and blurred beyond recognising."""
    with Image.open(io.BytesIO(crop_png), formats=("PNG",)) as picture:
        if max(picture.size) > _LARGEST_SIDE_PX:
            raise ValueError("an aligned face is small")
        grey = picture.convert("L").filter(ImageFilter.GaussianBlur(_BLUR_RADIUS_PX))
    out = io.BytesIO()
    grey.save(out, "PNG")
    return out.getvalue()

"""The `README.txt` of every bundle: what it is, and how to check it without any of our software."""

from __future__ import annotations

from service.exhibits.manifest import MATCH_WORDING, NAME_WORDING, POINTED_WORDING

MANIPULATION_WORDING = (
    'A finding on manipulation is a band with reasons. It decides nothing, and "no trace found" '
    "does not mean that a picture is authentic."
)

README = f"""\
LIKENESS EXHIBIT

This bundle holds what was captured at one address, and who confirmed what about it.
The capture may hold intimate material. Do not open capture.warc.gz unless you must.

  manifest.json     what belongs to this bundle, with SHA-256 of every file (RFC 8785)
  manifest.sig      Ed25519 signature over the exact bytes of manifest.json (64 bytes)
  signer.pub        public key of the organisation that sealed it
  capture.warc.gz   requests and answers as they were on the wire (WARC/1.1, ISO 28500)
  statements/       what each reviewer and the depicted person stated, one file each
  custody.json      who did what with it until it was sealed, chained by hash

TO VERIFY BY HAND

1. Unpack into an empty folder.
2. The signature belongs to the manifest and the key:
     openssl pkeyutl -verify -pubin -inkey signer.pub -rawin -in manifest.json -sigfile manifest.sig
3. The key belongs to the organisation. Ask it, by a way that did not come with this bundle, for
   the fingerprint of its key and compare:
     openssl pkey -pubin -in signer.pub -outform DER | tail -c 32 | sha256sum
4. Every file is the one that was signed. For each entry under "files" in manifest.json:
     sha256sum NAME
   No other file may be there but manifest.json and manifest.sig.
5. custody.json: the SHA-256 of each entry without its "hash" (as canonical JSON, RFC 8785) is its
   "hash"; each "previous_hash" is the "hash" of the entry before; the last "hash" stands in
   manifest.json under custody.head. The first "previous_hash" is the SHA-256 of
   "likeness/custody/v1/" followed by the candidate_id.
6. capture.warc.gz: any WARC software computes the digests of its records again.
7. A video that came in pieces ("stream" of a resource in manifest.json): the answers to its
   "pieces" are in capture.warc.gz; of each, "body_sha256" is the hash of what came and
   "content_sha256" that of what was joined (a range of it, or opened by AES-128-CBC with the key
   at "key_url" and the "iv"). Joined in this order they have the hash "sha256".

With the software: likeness exhibit verify FILE --trust FINGERPRINT

WHAT IT SAYS AND DOES NOT SAY

The signature shows who sealed this and that nothing was changed since. It does not show what a
server would have answered to anyone else. "trusted_time" in the manifest says whether an
independent authority attests the time; "notes" there list everything that is incomplete.

{MATCH_WORDING}
Where the depicted person pointed to it themselves: {POINTED_WORDING}
Where it was found by a name: {NAME_WORDING}
{MANIPULATION_WORDING}
"""

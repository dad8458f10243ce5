"""Codes and states of runs in words for people."""

from __future__ import annotations

STATE_WORDS = {
    "queued": "waiting for a worker",
    "running": "going on",
    "paused": "paused",
    "yielded": "waits while another visit of the site goes first",
    "finished": "finished",
    "blind": "could not look",
    "cancelled": "cancelled",
    "failed": "failed",
}

REASON_WORDS = {
    "no_page": "no page could be fetched",
    "wall_challenge": "pages answered with a challenge for human visitors",
    "wall_login": "pages ask to log in",
    "wall_age": "pages ask for one’s age",
    "wall_consent": "pages ask for consent before they show anything",
    "wall_script": "pages show nothing before a script has run",
    "many_empty": "every second page or more said, under status 200, that there is nothing, or led "
    "back to the first page",
    "action_needs_login": "one must log in to write, register or report there",
    "wall_forbidden": "the server forbids these pages",
    "wall_busy": "the server said that it gets too many requests",
    "wall_legal": "the server withholds these pages for legal reasons",
    "canary_lost": "a page that is known to show media did not show them",
    "start_refused": "an address to begin at could not be fetched",
    "many_refused": "a large part of the pages was refused",
    "faces_not_looked_for": "faces could not be looked for, because the model for them was being "
    "prepared anew or could not be opened",
    "budget": "the budget was used up before everything was visited",
    "cancelled": "it was cancelled",
    "run_paused": "this run was paused by itself: resume it, or it is ended when a visit of its "
    "site becomes due a day or more after that",
    "paused_too_long": "it had been paused for a day or more when the next visit was due",
    "media_kept_back": "a large part of the media that are known was refused",
    "nobody_left": "nobody whom it served is looked for any more",
    "pack_missing": "the model pack is not here: run `likeness models fetch`",
    "licence_not_accepted": "the licence of the model pack was not accepted",
    "examiner_unavailable": "the examiner could not be started",
    "host_given_up": "the host failed again and again, and was given up for this run",
    "host_rests": "the host failed and is left alone for a while",
    "gave_up": "it was tried again and again without getting to its end",
    "endless_calendar": "left out: more of a calendar than a run takes",
    "endless_facets": "left out: one more filter of the same list",
    "endless_sorting": "left out: one more order of the same list",
    "endless_session": "left out: the same page under an address that is never the same",
    "endless_growing": "left out: the address grows without end",
    "soft_404": "the page says that there is nothing, although the server calls it found",
    "soft_403": "the page says that it is forbidden, although the server calls it found",
    "not_listing": "it is no sitemap and no feed",
    "robots": "robots.txt does not allow it",
    "address_not_public": "the address is not a public one",
    "out_of_scope": "it leads outside the site’s scope",
    "too_large": "it is larger than the limit",
    "timeout": "no answer in time",
    "http_status": "the server answered with an error",
    "not_media": "what came is not a picture or video",
    "too_many_redirects": "it redirects too often",
    "connection": "no connection could be made",
    "proxy": "the proxy by which sites are visited could not be used",
    "browser_missing": "the browser that these pages need could not be started: `likeness doctor` "
    "says what is missing",
    "not_rendered": "the browser failed on the page",
    "many_not_rendered": "the browser failed on a large part of the pages",
    "tls": "the server’s certificate was not acceptable",
    "truncated": "the answer was cut off",
    "bad_address": "the address is not a valid one",
    "bad_playlist": "the stream’s playlist could not be read",
    "encrypted": "the stream is encrypted",
    "extractor": "the page plays a video in a way that could not be read",
    "may_show_a_minor": "it may show somebody under 18, and nothing of it is kept",
    "lost": "the worker ended while it had this address",
}

UNREADABLE_WORDS = {
    "empty": "the file is empty",
    "too_large": "the file is larger than the limit",
    "too_many_pixels": "it has more pixels than allowed",
    "too_much_memory": "it needs more memory than a decoder may have",
    "not_a_picture": "it is not a picture or video of a kind that we read",
    "truncated": "the file ends before it is complete",
    "unreadable": "it calls itself a picture or video and cannot be decoded",
    "no_pictures_in_video": "it is a video file that holds only sound",
    "decoder_crashed": "the decoder ended on it",
    "decoder_timeout": "decoding took too long",
    "decoder_unavailable": "the decoder could not be started",
    "examiner_crashed": "the examiner ended while it looked; the next run tries again",
}


def reason_words(code: str) -> str:
    """What a stable code means, in words: for pages and for reasons that people read."""
    if code.startswith("http_") and code.removeprefix("http_").isdigit():
        return f"the server answered with status {code.removeprefix('http_')}"
    return REASON_WORDS.get(code, code.replace("_", " "))

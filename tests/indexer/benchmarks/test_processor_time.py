from __future__ import annotations

import subprocess
import sys
import time

from indexer.benchmarks.processor_time import processor_seconds

BUSY = "import sys\nsum(range(5_000_000))\nprint('done', flush=True)\nsys.stdin.read()"


def test_what_a_child_works_counts() -> None:
    before, own = processor_seconds(), time.process_time()
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        of_both = processor_seconds() - before
        of_this_alone = time.process_time() - own
        child.kill()
    assert of_both > of_this_alone

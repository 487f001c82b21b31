"""`python -m tests.fuzz.one TARGET SECONDS`: fuzzes one target in this process, which libFuzzer ends."""

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["facts", "producers", "bluelamp", "kafka.protocol", "tomllib", "json", "csv"]):
    from tests.fuzz.targets import CORPUS, FOUND, TARGETS, refuses_or_reads

_LONGEST_SECONDS, _MEMORY_MEBIBYTES, _LONGEST_BYTES = 10, 2048, 20_000


def fuzz(name: str, seconds: int) -> None:
    """Fuzz a target, starting with its samples and with what earlier runs found worth keeping.

    Args:
        name: the target.
        seconds: for how long.
    """
    logging.disable()
    target = TARGETS[name]
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(target.samples()):
        (corpus / f"sample-{number}").write_bytes(sample)
    options = {
        "max_total_time": seconds,
        "timeout": _LONGEST_SECONDS,
        "rss_limit_mb": _MEMORY_MEBIBYTES,
        "max_len": _LONGEST_BYTES,
        "artifact_prefix": f"{Path(CORPUS) / name}-",
        "print_final_stats": 1,
    }
    words = [f"-{option}={value}" for option, value in options.items()]
    found = FOUND / name
    folders = [str(each) for each in (corpus, found) if each.is_dir()]
    atheris.Setup([sys.argv[0], *words, *folders], lambda data: refuses_or_reads(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]))

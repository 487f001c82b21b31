"""What a worker remembers of the subjects of one partition: those used last, up to a total number of facts."""

from collections import OrderedDict
from collections.abc import Iterable

from msgspec import Struct

from measures.outcome import Outcomes
from measures.timeline import Timeline

FACTS_REMEMBERED = 10_000
"""In each partition; a fact takes about 1 kB. A forgotten subject is read from the state again when another of its facts arrives:
with half of this, 3 facts in 10,000 in three simulated weeks of Staffordshire."""


class CachedSubject(Struct):
    """A subject as the partition remembers it."""

    timeline: Timeline
    outcomes: Outcomes


class SubjectCache:
    """Subjects by key; the one used last is forgotten last.

    A bound on subjects would not bound memory: one may have three facts, another three thousand.

    Args:
        limit: the most facts that are kept, of all subjects together; the subject used last is kept whatever it has.
    """

    def __init__(self, limit: int = FACTS_REMEMBERED) -> None:
        self.limit = limit
        self._subjects: OrderedDict[str, CachedSubject] = OrderedDict()
        self._facts = 0

    def __contains__(self, key: str) -> bool:
        return key in self._subjects

    def __len__(self) -> int:
        return len(self._subjects)

    def values(self) -> Iterable[CachedSubject]:
        """The subjects, the one used last at the end."""
        return self._subjects.values()

    def pop(self, key: str) -> CachedSubject:
        """Take a subject out, to be changed and put back."""
        subject = self._subjects.pop(key)
        self._facts -= len(subject.timeline)
        return subject

    def put(self, key: str, subject: CachedSubject) -> None:
        """Keep a subject, as the one used last."""
        self._subjects[key] = subject
        self._facts += len(subject.timeline)

    def forget(self) -> None:
        """Forget the subjects unused for longest until the rest is within the limit; never in the middle of a batch."""
        while self._facts > self.limit and len(self._subjects) > 1:
            self.pop(next(iter(self._subjects)))

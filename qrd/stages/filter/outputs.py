"""Where `filter` puts a path once the rules have spoken: kept, rejected, or waiting for the best of its question."""

from __future__ import annotations

from array import array
from itertools import compress
from typing import IO

from qrd.errors import StorageError
from qrd.filters.decision import KEPT
from qrd.filters.ledger import Ledger
from qrd.filters.sifting import Sifted
from qrd.filters.top_k import TopK
from qrd.rows.lines import plain_line, with_field
from qrd.rows.reader import Row
from qrd.rows.records import Path
from qrd.rows.writer import Writer

BELOW_TOP_K = "below_top_k"
NO_OFFER = 2**32 - 1


class Outputs:
    """The kept and the rejected paths, each entered in the ledger. With `flag` all are kept and carry the reasons."""

    def __init__(self, kept: Writer, rejects: Writer | None, ledger: Ledger, *, flag: bool) -> None:
        self.kept, self.rejects, self.ledger, self.flag = kept, rejects, ledger, flag

    def take(self, row: Row[Path], reasons: list[str]) -> None:
        """Put one path where the reasons against it say."""
        self.ledger.count(row.record, reasons[0] if reasons else KEPT)
        self.put(row.raw, reasons)

    def take_sifted(self, lines: list[bytes], sifted: Sifted) -> None:
        """Put the paths of a block where a worker says."""
        self.ledger.count_sifted(sifted)
        reasons = [reason for reason, _, _ in sifted.kind_names]
        is_kept = [reason == KEPT for reason in reasons]
        kept = list(compress(lines, map(is_kept.__getitem__, sifted.kinds)))
        self.kept.write_lines(b"".join(kept if sifted.is_plain else map(plain_line, kept)), len(kept))
        if self.rejects is not None:
            for raw, kind in zip(lines, sifted.kinds):
                if reasons[kind] != KEPT:
                    self.put(raw, [reasons[kind]])

    def put(self, raw: bytes, reasons: list[str]) -> None:
        """Write one line to the kept or to the rejected ones."""
        if self.flag:
            self.kept.write_line(with_field(raw, "flags", reasons))
        elif not reasons:
            self.kept.write_line(plain_line(raw))
        elif self.rejects is not None:
            self.rejects.write_line(with_field(raw, "reject_reason", reasons[0]))

    def finish(self) -> None:
        """All paths were taken: nothing is waiting."""


class BestOfQuestion:
    """Outputs whose kept paths wait, in a file without a name, until every path of their question has been seen.

    With `flag` the others wait with them, so that all stay in their order.
    """

    def __init__(self, outputs: Outputs, top_k: TopK, waiting: IO[bytes]) -> None:
        self.outputs, self.top_k, self.waiting = outputs, top_k, waiting
        self.flag = outputs.flag
        self._offers, self._entries = array("I"), array("I")

    def take(self, row: Row[Path], reasons: list[str]) -> None:
        """Reject one path for the reasons against it, or let it wait."""
        outputs = self.outputs
        if reasons and not self.flag:
            outputs.take(row, reasons)
            return
        outputs.ledger.count(row.record, reasons[0] if reasons else KEPT)
        self._entries.append(len(outputs.ledger) - 1)
        self._offers.append(NO_OFFER if reasons else self.top_k.offer(row.record))
        line = with_field(row.raw, "flags", reasons) if self.flag else plain_line(row.raw)
        try:
            self.waiting.write(line)
        except OSError as error:
            raise StorageError.of("the temporary file of --top-k", error) from None

    def finish(self) -> None:
        """Write what waited, the best to the kept ones and the rest as BELOW_TOP_K."""
        self.waiting.seek(0)
        for line, offer, entry in zip(self.waiting, self._offers, self._entries):
            if offer != NO_OFFER and self.top_k.is_below(offer):
                self.outputs.ledger.move(entry, BELOW_TOP_K)
                self.outputs.put(line, [BELOW_TOP_K])
            elif self.flag:
                self.outputs.kept.write_line(line)
            else:
                self.outputs.put(line, [])

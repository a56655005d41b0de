#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
readlog.py [--seek SEQUENCE] FILE: a reader of logs, made from crr-log(5) and
linux/crr.h alone. It prints what crrctl log dump --json does, and checks
whatever can be checked. --seek prints the one block that has this record, as
the index tells it.

Exit status: 1 if the log is not what it should be, 77 without zstandard.
"""
import errno
import json
import struct
import sys

try:
    import zstandard
except ImportError:
    print("no module zstandard", file=sys.stderr)
    sys.exit(77)

BLOCK = struct.Struct("<4sHHIIQQIIII")
FOOTER = struct.Struct("<4sIQQQQII")
ENTRY = struct.Struct("<QQQQ")
RECORD = struct.Struct("<HHHHQQ")

STREAM, READ, READ_ERROR, EOF, PEER_CLOSED, HANGUP, WRITE, STREAM_END, END, \
    INQ, OUTQ, MODEM, MARK, VALUE = range(1, 15)
OPTIONAL, TERMIOS, TIME = 0x8000, 0x8001, 0x8002
NAMES = {1: "STREAM", 2: "READ", 3: "READ_ERROR", 4: "EOF", 5: "PEER_CLOSED",
         6: "HANGUP", 7: "WRITE", 8: "STREAM_END", 9: "END", 10: "INQ",
         11: "OUTQ", 12: "MODEM", 13: "MARK", 14: "VALUE",
         TERMIOS: "TERMIOS", TIME: "TIME"}
CUT, CAPTURED, INTERRUPTED, UNKNOWN, NO_BYTE = 1, 2, 4, 8, 0x10000
INBOUND = (READ, READ_ERROR, EOF, PEER_CLOSED, HANGUP, INQ)
OUTBOUND = (WRITE, OUTQ, MODEM, MARK, VALUE)
SETTINGS = ("iflag", "oflag", "cflag", "lflag", "ispeed", "ospeed")
REASONS = {1: "stopped", 2: "closed", 3: "hung-up"}
COUNTS = ("cts", "dsr", "rng", "dcd", "rx", "tx", "frame", "overrun", "parity",
          "brk", "buf_overrun")

TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def demand(true, offset, what):
    if not true:
        sys.stdout.flush()
        print(f"at byte {offset}: {what}", file=sys.stderr)
        sys.exit(1)


def get_number(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return n, at


def signed(n):
    return -(n + 1) // 2 if n & 1 else n // 2


class Column:
    """Numbers or bytes; of length 0, zeros."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self):
        if not self.data:
            return 0
        n, self.at = get_number(self.data, self.at)
        return n

    def bytes(self, length):
        if not self.data:
            return bytes(length)
        self.at += length
        return self.data[self.at - length:self.at]


def split(stored):
    columns, at = [], 0
    for _ in range(14):
        length, at = get_number(stored, at)
        size = length >> 1
        if length & 1:
            size, at = get_number(stored, at)
        data = stored[at:at + size]
        at += size
        if length & 1:
            data = zstandard.ZstdDecompressor().decompress(
                data, max_output_size=length >> 1)
            assert len(data) == length >> 1
        columns.append(Column(data))
    assert at == len(stored), "something follows the columns"
    return columns


def payload_of(kind, flags, columns, times):
    """Of a record from columns."""
    (_, _, _, _, empty_reads, refused, lengths, results, offsets, values, bytes_in,
     bytes_out, crcs, texts) = columns
    pack = struct.pack
    if kind == WRITE:
        requested = lengths.number()
        result = requested - signed(results.number())
        offset = max(result, 0) - signed(offsets.number())
        data = b""
        if flags & CAPTURED:
            data = bytes_out.bytes(requested)
            crc = crc32c(data)
        elif flags & UNKNOWN:
            crc = 0
        elif requested == 1 and not flags & NO_BYTE:
            crc = crc32c(bytes_out.bytes(1))
        else:
            crc = int.from_bytes(crcs.bytes(4), "little")
        return pack("<QIiII", refused.number(), requested, result, offset,
                    crc) + data
    if kind in (STREAM, TERMIOS):
        fixed = pack("<6I", *(values.number() for _ in range(6)))
        if kind == TERMIOS:
            return fixed
        return fixed + texts.bytes(lengths.number())
    if kind == READ:
        return pack("<Q", empty_reads.number()) + bytes_in.bytes(lengths.number())
    if kind in (EOF, PEER_CLOSED, HANGUP):
        return pack("<Q", empty_reads.number())
    if kind in (READ_ERROR, INQ):
        return pack("<QII", empty_reads.number(), values.number(), 0)
    if kind == OUTQ:
        return pack("<QII", refused.number(), values.number(), 0)
    if kind == STREAM_END:
        return pack("<QQII", empty_reads.number(), refused.number(),
                    values.number(), 0)
    if kind == MODEM:
        return pack("<Q14I", refused.number(),
                    *(values.number() for _ in range(14)))
    if kind == VALUE:
        value, number, uses = (values.number() for _ in range(3))
        return pack("<QQQII", refused.number(), number, uses, value, 0)
    if kind == MARK:
        return pack("<Q", refused.number()) + texts.bytes(lengths.number())
    if kind == TIME:
        times[0] = times[0] + signed(values.number()) & 0xffffffffffffffff
        return pack("<Q", times[0])
    if kind & OPTIONAL:
        return texts.bytes(lengths.number())
    return b""


def unpack(stored, sequence, counter, count):
    """The bytes of records that were stored as columns."""
    columns = split(stored)
    last, times, out = {}, [0], []
    for _ in range(count):
        kind = columns[0].number()
        kind = kind >> 1 | (kind & 1) << 15
        group = kind if kind < 16 else 16
        flags = last[group] = columns[1].number() ^ last.get(group, 0)
        stream = columns[2].number()
        counter += columns[3].number()
        payload = payload_of(kind, flags, columns, times)
        out.append(RECORD.pack(kind, flags & 0xffff, stream, len(payload),
                               sequence, counter))
        out.append(payload + bytes(-len(payload) % 8))
        sequence += not kind & OPTIONAL
    assert all(c.at == len(c.data) for c in columns), "columns are too long"
    return b"".join(out)


def error_name(number):
    return errno.errorcode.get(number, str(number))


def describe(kind, flags, stream, sequence, counter, payload):
    """As crrctl's JSON has it."""
    rec = {"seq": str(sequence), "counter": str(counter), "stream": stream,
           "type": NAMES.get(kind, hex(kind))}
    get = struct.unpack_from
    refused = {"interrupted": bool(flags & INTERRUPTED)}
    if kind in INBOUND or kind == STREAM_END:
        rec["empty_reads"] = str(get("<Q", payload)[0])
    if kind in OUTBOUND:
        refused["refused"] = str(get("<Q", payload)[0])
        rec.update(refused)
    if kind in (STREAM, TERMIOS):
        rec.update(zip(SETTINGS, get("<6I", payload)))
    if kind == STREAM:
        rec["name"] = payload[24:].decode()
    elif kind == READ:
        rec["data"] = payload[8:].hex()
    elif kind == READ_ERROR:
        rec["error"] = error_name(get("<I", payload, 8)[0])
    elif kind in (INQ, OUTQ):
        rec["value"] = get("<I", payload, 8)[0]
    elif kind == STREAM_END:
        count, reason = get("<QI", payload, 8)
        rec.update(refused, refused=str(count), reason=REASONS[reason])
    elif kind == MARK:
        rec["label"] = payload[8:].decode()
    elif kind == VALUE:
        number, uses, rec["kind"] = get("<QQI", payload, 8)
        rec.update(number=str(number), uses=str(uses))
    elif kind == TIME:
        rec["nanoseconds"] = str(get("<Q", payload)[0])
    elif kind == MODEM:
        error, rec["lines"], facts = get("<3I", payload, 8)
        if error:
            rec["error"] = error_name(error)
        if facts & 1:
            rec.update(zip(COUNTS, get("<11I", payload, 20)))
    elif kind == WRITE:
        requested, result, offset, crc = get("<IiII", payload, 8)
        if result < 0:
            rec["error"] = error_name(-result)
        rec.update(requested=requested, result=max(result, -1), offset=offset,
                   crc32c=f"{crc:08x}", cut=bool(flags & CUT),
                   known=not flags & UNKNOWN)
        if flags & CAPTURED:
            rec["data"] = payload[24:].hex()
            assert crc32c(payload[24:]) == crc
    return rec


def records_of(data):
    at = 0
    while at < len(data):
        kind, flags, stream, length, sequence, counter = RECORD.unpack_from(
            data, at)
        at += RECORD.size
        yield (kind, flags, stream, sequence, counter, data[at:at + length])
        assert not any(data[at + length:at + length + -length % 8])
        at += length + -length % 8


class Log:
    def __init__(self, file):
        self.file = file
        head = file.read(32)
        demand(head[:8] == b"\x89CRR\r\n\x1a\n", 0, "no log")
        version, length, _, crc, _ = struct.unpack_from("<IIIIQ", head, 8)
        demand(version == 1, 8, f"version {version}")
        head += file.read(length - 32)
        demand(crc32c(head[:20] + bytes(4) + head[24:]) == crc, 20, "CRC")
        self.begin = length

    def header(self, offset):
        """A block's, or the footer, and its magic."""
        self.file.seek(offset)
        raw = self.file.read(48)
        demand(len(raw) == 48, offset, "the file ends")
        if raw[:4] == b"CFTR":
            demand(crc32c(raw[:40]) == FOOTER.unpack(raw)[6], offset, "CRC")
            return b"CFTR", FOOTER.unpack(raw)
        fields = BLOCK.unpack(raw)
        demand(crc32c(raw[:40]) == fields[9], offset, "CRC of a header")
        return fields[0], fields

    def records(self, offset, fields):
        _, codec, _, stored, length, sequence, counter, count, crc = fields[:9]
        data = self.file.read(stored)
        if codec == 2:
            data = zstandard.ZstdDecompressor().decompress(data, 1 << 20)
        if codec:
            data = unpack(data, sequence, counter, count)
        demand(codec <= 2 and len(data) == length, offset, "length")
        demand(crc32c(data) == crc, offset, "CRC of the records")
        return list(records_of(data))

    def entries(self, offset, fields):
        data = self.file.read(fields[3])
        demand(crc32c(data) == fields[8], offset, "CRC of a node")
        demand(len(data) == 32 * fields[7], offset, "length of a node")
        return list(ENTRY.iter_unpack(data))


def read_all(log):
    levels = [[] for _ in range(9)]
    offset, root, sequence, counter, time, kind = log.begin, 0, 0, 0, 0, 0
    while True:
        magic, fields = log.header(offset)
        if magic == b"CFTR":
            demand(fields[1:6] == (kind == END, root, sequence, counter,
                                   offset), offset, "footer")
            demand(not log.file.read(1), offset + 48, "something follows")
            return
        if magic == b"CIDX":
            level = fields[1]
            demand(log.entries(offset, fields) == levels[level], offset, "node")
            levels[level + 1].append((offset,) + levels[level][0][1:])
            levels[level] = []
            root = offset
        else:
            demand(magic == b"CBLK", offset, "no block")
            demand(len(levels[0]) < 256, offset, "no node")
            records = log.records(offset, fields)
            demand(records[0][3:5] == fields[5:7], offset, "first record")
            levels[0].append((offset, fields[5], fields[6], time))
            root = root or offset
            for record in records:
                kind = record[0]
                demand(record[3] == sequence and record[4] >= counter, offset,
                       f"order of record {record[3]}")
                counter = record[4]
                sequence += not kind & OPTIONAL
                if kind == TIME:
                    time = max(time, struct.unpack("<Q", record[5])[0])
                print(json.dumps(describe(*record)))
        offset += 48 + fields[3]


def seek(log, sequence):
    size = log.file.seek(0, 2)
    magic, fields = log.header(size - 48)
    demand(magic == b"CFTR", size - 48, "no footer")
    offset = fields[2]
    magic, fields = log.header(offset)
    while magic == b"CIDX":
        before = [e for e in log.entries(offset, fields) if e[1] <= sequence]
        offset = before[-1][0]
        magic, fields = log.header(offset)
    for record in log.records(offset, fields):
        print(json.dumps(describe(*record)))


def main():
    with open(sys.argv[-1], "rb") as file:
        log = Log(file)
        if sys.argv[1] == "--seek":
            seek(log, int(sys.argv[2]))
        else:
            read_all(log)


main()

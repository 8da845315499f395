"""A strict decoder as an adapter of Counterfoil, in nothing but the standard library. All that comes in goes through
`read`: what Counterfoil says, the descriptors of the contract, and cases. A refusal names a rule of docs/rules.md."""
import collections, functools, json, sys

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = range(6)
SIZES, DEEPEST, LONGEST_FRAME, IAC = {FIXED64: 8, FIXED32: 4}, 100, 64 << 20, b"workflow.plugin.external.iac."
TEXT, MESSAGE, BYTE_STRING, ENUM = 9, 11, 12, 14  # types in a FieldDescriptorProto; those not in LAYOUTS are varints
LAYOUTS = {1: FIXED64, 2: FIXED32, 6: FIXED64, 7: FIXED32, 9: BYTES, 11: BYTES, 12: BYTES, 15: FIXED32, 16: FIXED64}
ANY_JSON = b".old_json", b".new_json", b".parameters_json", b".module_config_json"  # the others hold objects or null
Field = collections.namedtuple("Field", "name kind tag type_name is_repeated")

def demand(what, rules):  # refuses it for the first rule that does not hold
    for rule in (rule for rule, holds in rules.items() if not holds):
        raise ValueError(f"{rule} at {what.decode()}")

def varint(data, at):
    value = 0
    for place, byte in enumerate(data[at:at + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80 and value < 1 << 64:
            return value, at + place + 1
    raise ValueError("DEC-017 at a number")

def take(data, at, tag, depth):
    """The value of a field, and where it ends; of a group only that."""
    number, layout, what = tag >> 3, tag & 7, b"field %d" % (tag >> 3)
    demand(what, {"DEC-017": 0 < number < 1 << 29 and layout not in (GROUP_END, 6, 7) and depth <= DEEPEST})
    if layout == VARINT:
        return varint(data, at)
    while layout == GROUP:
        tag, at = varint(data, at)
        if tag == number << 3 | GROUP_END:
            return b"", at
        _, at = take(data, at, tag, depth + 1)
    size, at = varint(data, at) if layout == BYTES else (SIZES[layout], at)
    demand(what, {"DEC-017": size <= len(data) - at})
    return data[at:at + size], at + size

def read(data, depth=0, packed=None):
    """All values of each field, by its tag, number and layout in one. Packed values all have the same."""
    found, at = collections.defaultdict(list), 0
    while at < len(data):
        tag, at = (packed, at) if packed else varint(data, at)
        value, at = take(data, at, tag, depth)
        found[tag].append(value)
    return found

def every(message, number):
    return message[number << 3 | BYTES]

def last(message, number, default=b""):
    return (message[number << 3 | (BYTES if default == b"" else VARINT)] or [default])[-1]

def encode(number, value):
    varint_of = lambda n: bytes([n]) if n < 0x80 else bytes([n & 0x7F | 0x80]) + varint_of(n >> 7)
    tag, start = (number << 3 | VARINT, value) if isinstance(value, int) else (number << 3 | BYTES, len(value))
    return varint_of(tag) + varint_of(start) + (b"" if isinstance(value, int) else value)

@functools.cache
def load(encoded):
    """The contract in a FileDescriptorSet: by full names, the fields of messages and the numbers of enums."""
    contract, files = {}, map(read, every(read(encoded), 1))
    scopes = [(last(f, 2) + b".", last(f, 12) == b"proto3", every(f, 4), every(f, 5)) for f in files]
    for scope, is_proto3, messages, enums in scopes:
        for enum in map(read, enums):
            contract[scope + last(enum, 1)] = {last(read(value), 2, 0) & 0xFFFFFFFF for value in every(enum, 2)}
        for message in map(read, messages):
            name = scope + last(message, 1) + b"."
            fields = contract[name[:-1]] = {}
            for f in map(read, every(message, 2)):
                number, kind = last(f, 3, 0), last(f, 5, 0)
                tag, judged = number << 3 | LAYOUTS.get(kind, VARINT), is_proto3 or kind not in (TEXT, ENUM)
                fields[number] = Field(name + last(f, 1), judged and kind, tag, last(f, 6)[1:], last(f, 4, 0) == 3)
            scopes.append((name, is_proto3, every(message, 3), every(message, 4)))
    return contract

def check(contract, name, parts, depth=0):
    """Refuses a message, which is the sum of its parts, for what holds of all messages."""
    found = collections.defaultdict(list)
    for tag, values in (item for part in parts for item in read(part, depth).items()):
        if field := contract[name].get(tag >> 3):
            found[field] += (element for value in values for element in elements(field, tag, value))
    for field, values in found.items():  # of a repeated field each value counts, else the sum of messages or the last
        for values in [[value] for value in values] if field.is_repeated else [values]:
            if field.kind == MESSAGE:
                check(contract, field.type_name, values, depth + 1)
            elif field.kind == ENUM:
                rule = "DEC-003" if field.type_name == IAC + b"ActionStatus" else "DEC-016"
                demand(field.name, {rule: values[-1] & 0xFFFFFFFF in contract[field.type_name]})
            elif field.kind == BYTE_STRING and field.name.startswith(IAC) and field.name.endswith(b"_json"):
                check_json(field.name, values[-1].decode(errors="replace") or "null")

def elements(field, tag, value):
    """The value of a field, or the numbers that stand side by side in it."""
    if tag & 7 == BYTES and field.is_repeated and field.tag & 7 in (VARINT, *SIZES):
        return read(value, packed=field.tag)[field.tag]
    demand(field.name, {"DEC-017": tag == field.tag})
    demand(field.name, {"DEC-018": field.kind != TEXT or value.decode(errors="ignore").encode() == value})
    return [value]

def check_json(name, written):
    finite = lambda number: int(float(number))  # which fails for NaN and what is beyond 64 bits
    try:
        value = json.loads(written, parse_float=finite, parse_int=finite, parse_constant=finite)
    except (ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"{'DEC-015' if 'Extra data' in str(error) else 'DEC-013'} at {name.decode()}: {error}")
    demand(name, {"DEC-014": name.endswith(ANY_JSON) or value is None or isinstance(value, dict)})

def check_outcomes(outcomes, planned):
    found, due, before = len(outcomes), len(planned), -1
    demand(b"the outcomes", {"DEC-006": found or not due, "DEC-004": found >= due, "DEC-005": found <= due})
    for place, outcome in enumerate(map(read, outcomes)):
        index, status, error = last(outcome, 1, 0) & 0xFFFFFFFF, last(outcome, 2, 0) & 0xFFFFFFFF, last(outcome, 3)
        demand(b"outcome %d" % place, {"DEC-002": status != 0, "DEC-010": status != 1 or not error,
            "DEC-011": status == 1 or error, "DEC-012": status != 3 or planned[index:index + 1] in ([], [b"delete"]),
            "DEC-008": index < due, "DEC-009": index >= before, "DEC-007": index != before})
        before = index

def decode(case, contract):
    name, encoded = last(case, 3), last(case, 5)
    demand(name, {"the revision has no such message": name in contract})
    check(contract, name, [encoded])
    if name == IAC + b"ApplyResponse":
        results = every(read(encoded), 1)
        demand(b"result", {"DEC-001": results})
        if 7 in contract[IAC + b"ApplyResult"]:  # before 0.54 a result has no outcomes
            outcomes = [outcome for result in results for outcome in every(read(result), 7)]
            check_outcomes(outcomes, [last(read(action), 1) for action in every(case, 4)])

def answer(message, contracts):
    if hello := last(message, 1):
        contracts.update((last(entry, 1), last(entry, 2)) for entry in map(read, every(read(hello), 3)))
        return encode(1, encode(1, 1) + encode(2, b"decoder_adapter.py 1") + encode(4, 64))
    case, verdict = read(last(message, 2)), encode(2, b"")  # accepted, with no value to compare
    try:
        decode(case, load(contracts.get(last(case, 2), b"")))
    except ValueError as refusal:
        verdict = encode(3, str(refusal).encode())
    return encode(2, encode(1, last(case, 1, 0)) + verdict)

sys.setrecursionlimit(10_050)  # JSON may nest 10,000 deep
contracts = {}
while prefix := sys.stdin.buffer.read(4):
    size = int.from_bytes(prefix, "big")
    if len(prefix) < 4 or size > LONGEST_FRAME or len(frame := sys.stdin.buffer.read(size)) < size:
        sys.exit(f"decoder_adapter.py: the input ended within a frame, or is none: it began with {prefix.hex()}")
    said = answer(read(frame), contracts)
    sys.stdout.buffer.write(len(said).to_bytes(4, "big") + said)
    sys.stdout.buffer.flush()

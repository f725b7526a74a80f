"""A file in MaxMind's DB format, version 2 (maxmind.github.io/MaxMind-DB): a binary trie over addresses with records of 24 bits, then data,
then what describes it all."""

import ipaddress

U16, U32, U64 = 5, 6, 9


def encode(value):
    """Of maps, texts, lists, and numbers with their kind."""
    if isinstance(value, str):
        data = value.encode()
        return control(2, len(data)) + data
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    number, kind = value
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return control(kind, len(data)) + data


def control(kind, size):
    assert size < 29
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])


def write(path, networks):
    """networks: what is said of each, by its text. IPv4 lies in ::/96, as everywhere."""
    nodes, data, places = [[None, None]], b"", {}
    for text, value in networks.items():
        network = ipaddress.ip_network(text)
        mapped = network.version == 4
        bits = f"{int(network.network_address):0128b}"[: network.prefixlen + (96 if mapped else 0)]
        encoded = encode(value)
        if encoded not in places:
            places[encoded] = len(data)
            data += encoded
        node = 0
        for bit in bits[:-1]:
            if nodes[node][int(bit)] is None:
                nodes.append([None, None])
                nodes[node][int(bit)] = len(nodes) - 1
            node = nodes[node][int(bit)]
        nodes[node][int(bits[-1])] = -1 - places[encoded]
    tree = b"".join(
        (len(nodes) if record is None else record if record >= 0 else len(nodes) + 16 - 1 - record).to_bytes(3, "big")
        for node in nodes for record in node)  # fmt: skip
    about = {"node_count": (len(nodes), U32), "record_size": (24, U16), "ip_version": (6, U16), "database_type": "Test-Country", "languages": ["en"],
             "binary_format_major_version": (2, U16), "binary_format_minor_version": (0, U16), "build_epoch": (1700000000, U64),
             "description": {"en": "test"}}  # fmt: skip
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encode(about))
    path.chmod(0o644)

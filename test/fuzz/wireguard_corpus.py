#!/usr/bin/python3
"""Writes test/fuzz/corpus/proto_wireguard_message_fuzz and proto_wireguard_key_fuzz: bytes laid over each good
message (none, one in each field), whole datagrams of each kind; keys as text. Run by hand; the results are
committed."""

import base64
import pathlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
FIELDS = {1: (148, 0, 4, 8, 40, 88, 116, 132), 2: (92, 0, 4, 8, 12, 44, 60, 76), 3: (64, 0, 4, 8, 32), 4: (96, 0, 4, 8, 16, 80)}


def write(folder, name, data):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    (CORPUS / folder / name).write_bytes(data)


for kind, (length, *fields) in FIELDS.items():
    write("proto_wireguard_message_fuzz", f"good_{kind}", bytes([kind]))
    for at in fields:
        write("proto_wireguard_message_fuzz", f"changed_{kind}_{at}", bytes([kind]) + bytes(at) + b"\1")
    write("proto_wireguard_message_fuzz", f"whole_{kind}", bytes([0, kind, 0, 0, 0]) + bytes(range(4, length)))
key = bytes(range(32))
write("proto_wireguard_key_fuzz", "base64", base64.b64encode(key))
write("proto_wireguard_key_fuzz", "hex", key.hex().encode())
write("proto_wireguard_key_fuzz", "hex_upper", key[::-1].hex().upper().encode())
write("proto_wireguard_key_fuzz", "base64_extra_bits", base64.b64encode(key)[:-2] + b"9=")

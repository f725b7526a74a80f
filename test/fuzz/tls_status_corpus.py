#!/usr/bin/env python3
"""Makes the corpus of crypto_tls_status_fuzz: answers of `openssl ocsp` as a responder gives them; and prints the two certificates and the time that the
target knows. Run it again and put what it prints into src/crypto/tls_status_fuzz.c."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONF = """[req]
distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
[leaf]
basicConstraints=critical,CA:FALSE
authorityInfoAccess=OCSP;URI:http://ocsp.example/x
[helper]
basicConstraints=critical,CA:FALSE
extendedKeyUsage=OCSPSigning
"""


def run(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def issue(folder, name, section, serial, signer=None):
    run(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
    run(folder, "req", "-new", "-config", "conf", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
    by = ["-CA", f"{signer}.pem", "-CAkey", f"{signer}.key"] if signer else ["-signkey", f"{name}.key"]
    run(folder, "x509", "-req", "-in", f"{name}.csr", *by, "-set_serial", str(serial), "-days", "9000", "-extfile", "conf", "-extensions", section,
        "-out", f"{name}.pem")  # fmt: skip
    run(folder, "x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")


def main():
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "conf").write_text(CONF)
        issue(folder, "ca", "ca", 1)
        issue(folder, "leaf", "leaf", 2, "ca")
        issue(folder, "helper", "helper", 3, "ca")
        issue(folder, "stranger", "ca", 1)
        lines = {
            "good": "V\t360101000000Z\t\t02\tunknown\t/CN=leaf\n",
            "revoked": "R\t360101000000Z\t200101000000Z,keyCompromise\t02\tunknown\t/CN=leaf\n",
            "unknown": "V\t360101000000Z\t\t07\tunknown\t/CN=other\n",
        }
        for number, (name, line) in enumerate(lines.items()):
            (folder / "index").write_text(line)
            for signer in ("ca", "helper", "stranger"):
                for more in ([], ["-ndays", "3000"], ["-sha256"])[: 3 if number == 0 else 2]:
                    digest = [word for word in more if word == "-sha256"]
                    kept = [word for word in more if word != "-sha256"]
                    run(folder, "ocsp", *digest, "-issuer", "ca.pem", "-cert", "leaf.pem", "-no_nonce", "-reqout", "q")
                    run(folder, "ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", f"{signer}.pem", "-rkey", f"{signer}.key", "-reqin", "q",
                        *kept, "-respout", "a")  # fmt: skip
                    (corpus / f"{name}-{signer}{'-bounded' if kept else ''}{'-sha256' if digest else ''}").write_bytes((folder / "a").read_bytes())
        # RFC 6960 4.2.1: tryLater, internalError, unauthorized.
        for number in (2, 3, 6):
            (corpus / f"status-{number}").write_bytes(bytes([0x30, 3, 0x0A, 1, number]))
        for name in ("leaf", "ca"):
            data = (folder / f"{name}.der").read_bytes()
            print(f"static const uint8_t {name}[] = {{")
            for at in range(0, len(data), 14):
                print("\t" + ", ".join(f"0x{octet:02x}" for octet in data[at : at + 14]) + ",")
            print("};")
        print(f"enum {{ NOW = {int(time.time())} }};")


main()

#!/usr/bin/python3
"""Writes what proto_upnp_soap_fuzz and proto_upnp_ssdp_fuzz start from: calls and searches in the shapes that
control points have.

Usage: upnp_corpus.py CORPUS-DIRECTORY
"""

import pathlib
import sys

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:"


def call(action, arguments="", version=1, prefix="s"):
    return (
        f'<?xml version="1.0"?>\r\n<{prefix}:Envelope xmlns:{prefix}="{SOAP}" '
        f'{prefix}:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><{prefix}:Body>'
        f'<u:{action} xmlns:u="{SERVICE}{version}">{arguments}</u:{action}></{prefix}:Body></{prefix}:Envelope>\r\n'
    ).encode()


def arguments(**values):
    return "".join(f"<New{name}>{value}</New{name}>" for name, value in values.items())


ADD = arguments(
    RemoteHost="", ExternalPort=8443, Protocol="TCP", InternalPort=8080, InternalClient="192.168.1.5",
    Enabled=1, PortMappingDescription="a &lt;game&gt; &#233;", LeaseDuration=0,
)

CALLS = {
    "add": call("AddPortMapping", ADD),
    "add-any": call("AddAnyPortMapping", ADD, 2, "SOAP-ENV"),
    "cdata": call("X", "<A><![CDATA[<1>]]></A><!-- no -->"),
    "default-namespace": f'<Envelope xmlns="{SOAP}"><Header><a/></Header><Body><X xmlns="u"/></Body></Envelope>'.encode(),
    "doctype": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "empty": call("GetStatusInfo"),
    "instruction": call("X", "<?a b?>"),
    "nested": call("X", "<A><B/></A>"),
    "utf-16": call("X").decode().encode("utf-16"),
}


def search(target, mx="MX: 2\r\n", man='"ssdp:discover"'):
    return f"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nST: {target}\r\nMAN: {man}\r\n{mx}\r\n".encode()


SEARCHES = {
    "all": search("ssdp:all"),
    "gateway": search("urn:schemas-upnp-org:device:InternetGatewayDevice:1"),
    "name": search("uuid:01020300-0000-4000-8000-000000000000"),
    "notify": b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\n\r\n",
    "root": search("upnp:rootdevice", "MX: 4000\r\nUSER-AGENT: x\r\n"),
    "unicast": search("upnp:rootdevice", ""),
    "unquoted": search("ssdp:all", man="ssdp:discover"),
}


def main():
    for name, messages in (("soap", CALLS), ("ssdp", SEARCHES)):
        folder = pathlib.Path(sys.argv[1]) / f"proto_upnp_{name}_fuzz"
        folder.mkdir(exist_ok=True)
        for title, data in messages.items():
            (folder / title).write_bytes(data)


main()

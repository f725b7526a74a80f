#!/usr/bin/python3
"""Writes the HTTP/2 connections that the fuzz targets start from: what python3-h2 says as a client and as a server.

Usage: http2_corpus.py CORPUS-DIRECTORY   (holds proto_http2_session_fuzz/)
The first byte of each file is the side that hears it: 0 a server, 1 a client.
"""

import pathlib
import sys

import h2.config
import h2.connection
import h2.errors
import h2.settings

HEAD = [(":method", "GET"), (":scheme", "https"), (":authority", "www.example.com"), (":path", "/a?b=c")]
POST = [(":method", "POST"), *HEAD[1:]]


def client():
    made = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    made.initiate_connection()
    return made


def served():
    """A server that has four requests to answer."""
    asks = client()
    for i in range(4):
        asks.send_headers(2 * i + 1, HEAD, end_stream=True)
    made = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    made.initiate_connection()
    made.receive_data(asks.data_to_send())
    return made


def get():
    c = client()
    c.send_headers(1, HEAD + [("cookie", "a=b"), ("cookie", "c=d"), ("te", "trailers")], end_stream=True)
    c.send_headers(3, HEAD + [("priority", "u=1, i")], end_stream=True)
    return c


def post():
    c = client()
    c.send_headers(1, POST + [("content-length", "5")])
    c.send_data(1, b"ab", pad_length=3)
    c.send_data(1, b"cde", end_stream=True)
    c.send_headers(3, POST)
    c.send_data(3, b"x" * 9000)
    c.send_headers(3, [("x-sum", "1")], end_stream=True)
    return c


def tunnels():
    c = client()
    c.config.validate_outbound_headers = False
    c.send_headers(1, [(":method", "CONNECT"), (":authority", "a:443")])
    c.send_data(1, b"bytes")
    c.send_headers(3, [(":method", "CONNECT"), (":protocol", "websocket"), *HEAD[1:]])
    c.send_data(3, b"\x81\x00")
    return c


def resets():
    c = client()
    for i in range(3):
        c.send_headers(2 * i + 1, POST)
        c.reset_stream(2 * i + 1, h2.errors.ErrorCodes.CANCEL)
    c.ping(b"12345678")
    c.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0, h2.settings.SettingCodes.HEADER_TABLE_SIZE: 0})
    c.increment_flow_control_window(1000)
    c.prioritize(7, weight=3)
    c.close_connection()
    return c


def large():
    c = client()
    c.send_headers(1, HEAD + [(f"x-{i}", "v" * 300) for i in range(70)], end_stream=True)
    return c


def answers():
    s = served()
    s.send_headers(1, [(":status", "200"), ("content-length", "5")])
    s.send_data(1, b"hello", end_stream=True)
    s.send_headers(3, [(":status", "103"), ("link", "</a>")])
    s.send_headers(3, [(":status", "404")], end_stream=True)
    s.send_headers(5, [(":status", "200")])
    s.send_data(5, b"x")
    s.send_headers(5, [("grpc-status", "0")], end_stream=True)
    s.reset_stream(7, h2.errors.ErrorCodes.REFUSED_STREAM)
    return s


def goes_away():
    s = served()
    s.send_headers(1, [(":status", "204")], end_stream=True)
    s.ping(b"87654321")
    s.close_connection(last_stream_id=3)
    return s


def main(corpus):
    folder = pathlib.Path(corpus) / "proto_http2_session_fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    for make in (get, post, tunnels, resets, large):
        (folder / make.__name__).write_bytes(b"\0" + make().data_to_send())
    for make in (answers, goes_away):
        (folder / make.__name__).write_bytes(b"\1" + make().data_to_send())


if __name__ == "__main__":
    main(sys.argv[1])

"""A server of HTTP/2 that does what a test tells it to: by python3-h2 with the answers of a script, or with frames by hand."""

import asyncio
import contextlib
import json

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from proxy_site import SERVER, listener


class Stream:
    """A request: its fields, what came of its body and trailers, and the means to answer it."""

    def __init__(self, connection, number, fields):
        self.connection, self.id, self.fields = connection, number, dict(fields)
        self.received, self.trailers, self.ended, self.reset = bytearray(), None, asyncio.Event(), None
        self.came = asyncio.Event()

    @property
    def path(self):
        return self.fields[":path"]

    async def body(self):
        await self.ended.wait()
        return bytes(self.received)

    async def say(self, status=200, body=b"", fields=(), trailers=None):
        head = [(":status", str(status)), *fields]
        self.connection.h2.send_headers(self.id, head, end_stream=not body and trailers is None)
        if body:
            await self.send(body, end=trailers is None)
        if trailers is not None:
            self.connection.h2.send_headers(self.id, trailers, end_stream=True)
        await self.connection.flush()

    async def send(self, body, end=False):
        """Waits for the window."""
        h2c, body = self.connection.h2, memoryview(body)
        while body:
            room = min(h2c.local_flow_control_window(self.id), h2c.max_outbound_frame_size, len(body))
            if room <= 0:
                opened = self.connection.opened  # what comes from here on is not missed
                await self.connection.flush()
                await opened.wait()
                continue
            h2c.send_data(self.id, bytes(body[:room]), end_stream=end and room == len(body))
            body = body[room:]
        await self.connection.flush()


class Connection:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.streams, self.tasks, self.opened, self.gone = {}, set(), asyncio.Event(), None
        self.most = 0  # streams at once

    async def flush(self):
        with contextlib.suppress(ConnectionError):
            self.writer.write(self.h2.data_to_send())
            await self.writer.drain()

    async def run(self):
        if self.server.settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=self.server.settings)
        self.h2.initiate_connection()
        if self.server.window:  # one that the other side has to know of first
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: self.server.window})
        await self.flush()
        with contextlib.suppress(ConnectionError, h2.exceptions.ProtocolError, asyncio.IncompleteReadError):
            while data := await self.reader.read(1 << 16):
                for event in self.h2.receive_data(data):
                    await self.take(event)
                await self.flush()
        for task in self.tasks:
            task.cancel()
        self.writer.close()

    async def take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            stream = self.streams[event.stream_id] = Stream(self, event.stream_id, event.headers)
            self.server.requests.append(stream)
            task = asyncio.create_task(self.answer(stream))
            self.tasks.add(task)
            self.most = max(self.most, len(self.tasks))
            task.add_done_callback(self.tasks.discard)
        elif isinstance(event, h2.events.DataReceived):
            stream.received += event.data
            stream.came.set()
            if self.server.reads:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended.set()
            stream.came.set()
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code
            stream.ended.set()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.gone = event.error_code
        if isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            self.opened.set()
            self.opened = asyncio.Event()

    async def answer(self, stream):
        with contextlib.suppress(h2.exceptions.ProtocolError, ConnectionError):
            await self.server.answer(stream)


async def echo(stream):
    """What was asked for, as JSON, when all of it came."""
    body = await stream.body()
    said = {"fields": stream.fields, "trailers": stream.trailers, "length": len(body),
            "connection": stream.connection.number}  # fmt: skip
    await stream.say(200, json.dumps(said).encode(), [("content-type", "application/json")])


class Server:
    """requests: of all connections. raw(reader, writer): instead of h2."""

    def __init__(self, site, answer=echo, *, port=80, tls=None, settings=None, window=None, reads=True, raw=None):
        self.site, self.answer, self.port, self.tls, self.raw = site, answer, port, tls, raw
        self.settings, self.window, self.reads = settings or {}, window, reads
        self.requests, self.connections = [], []

    async def __aenter__(self):
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of those that are reset in the middle
        sock = listener(self.site.server, SERVER, self.port)
        self.server = await asyncio.start_server(self.serve, sock=sock, ssl=self.tls)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for connection in self.connections:
            with contextlib.suppress(AttributeError):  # asyncio's, when TLS was over before
                connection.writer.transport.abort()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        connection = Connection(self, reader, writer)
        connection.number = len(self.connections) + 1
        self.connections.append(connection)
        if self.raw is None:
            await connection.run()
            return
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.raw(reader, writer)
        writer.close()

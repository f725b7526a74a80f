"""Both ends of gRPC, as processes of their own in a host (its library's threads know no other): messages are plain octets, so that
no compiler of theirs is needed.

    grpc_peer.py serve ADDRESS PLAIN-PORT TLS-PORT CHAIN KEY
    grpc_peer.py call CHAIN TARGET NAME…     one JSON object: what became of each call, by name
"""

import json
import sys
import threading
import time
from concurrent import futures

import grpc

SERVICE = "test.Peer"
BIG = 3 << 20
PATIENCE_S = 20


class Serving:
    def __init__(self):
        self.hanging = self.cancelled = 0

    def unary(self, request, context):
        said = dict(context.invocation_metadata())
        context.set_trailing_metadata((("x-told", said.get("x-asked", "")), ("x-bin-bin", b"\x00\xff")))
        return request

    def pour(self, request, context):
        for n in range(int(request)):
            yield b"%d" % n

    def gather(self, requests, context):
        return b"%d" % sum(len(request) for request in requests)

    def both(self, requests, context):
        for request in requests:
            yield request.upper()

    def fail(self, request, context):
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "half: 50% ü")

    def fail_late(self, request, context):
        yield b"one"
        context.abort(grpc.StatusCode.DATA_LOSS, "torn")

    def hang(self, request, context):
        gone = threading.Event()
        context.add_callback(gone.set)
        self.hanging += 1
        gone.wait(PATIENCE_S)
        self.cancelled += 1
        return b""

    def count(self, request, context):
        return b"%d %d" % (self.hanging, self.cancelled)

    def check(self, request, context):
        """grpc.health.v1: HealthCheckRequest {string service = 1}, HealthCheckResponse {status = 1}."""
        name = request[2:].decode()
        if name == "gone":
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        if name == "none":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no such method")
        if name == "hang":
            self.hang(request, context)
        return {"zero": b"", "ill": b"\x08\x02", "odd": b"\x08\x03", "torn": b"\x08\x81"}.get(name, b"\x08\x01")


def serve(address, plain, tls, chain, key):
    made, serving = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", BIG * 2)]), Serving()
    kinds = {
        "Unary": grpc.unary_unary_rpc_method_handler(serving.unary),
        "Pour": grpc.unary_stream_rpc_method_handler(serving.pour),
        "Gather": grpc.stream_unary_rpc_method_handler(serving.gather),
        "Both": grpc.stream_stream_rpc_method_handler(serving.both),
        "Fail": grpc.unary_unary_rpc_method_handler(serving.fail),
        "FailLate": grpc.unary_stream_rpc_method_handler(serving.fail_late),
        "Hang": grpc.unary_unary_rpc_method_handler(serving.hang),
        "Count": grpc.unary_unary_rpc_method_handler(serving.count),
    }
    health = {"Check": grpc.unary_unary_rpc_method_handler(serving.check)}
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, kinds),
                                   grpc.method_handlers_generic_handler("grpc.health.v1.Health", health)))  # fmt: skip
    pair = (open(key, "rb").read(), open(chain, "rb").read())
    made.add_secure_port(f"{address}:{tls}", grpc.ssl_server_credentials([pair]))
    made.add_insecure_port(f"{address}:{plain}")
    made.start()
    made.wait_for_termination()


def status(error):
    # An answer that is a head alone has its fields as trailers, the Date that the proxy adds among them (RFC 9110 6.6.1).
    told = {name: value for name, value in error.trailing_metadata() or () if name != "date"}
    return [error.code().name, error.details(), told]


class Calls:
    def __init__(self, chain, target, name):
        options = [("grpc.ssl_target_name_override", name), ("grpc.default_authority", name),
                   ("grpc.max_receive_message_length", BIG * 2), ("grpc.enable_retries", 0)]  # fmt: skip
        self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(open(chain, "rb").read()), options)

    def method(self, kind, name):
        return getattr(self.channel, kind)(f"/{SERVICE}/{name}")

    def unary(self):
        answer, call = self.method("unary_unary", "Unary").with_call(b"hello", metadata=[("x-asked", "1")], timeout=PATIENCE_S)
        trailers = dict(call.trailing_metadata())
        return [answer.decode(), trailers["x-told"], trailers["x-bin-bin"].hex()]

    def pour(self):
        return [int(n) for n in self.method("unary_stream", "Pour")(b"1000", timeout=PATIENCE_S)] == list(range(1000))

    def gather(self):
        return int(self.method("stream_unary", "Gather")((b"x" * 1000 for _ in range(500)), timeout=PATIENCE_S))

    def both(self):
        """Each message waits for the answer to the one before: neither side has ended meanwhile."""
        turn, heard = threading.Semaphore(1), []

        def say():
            for n in range(50):
                assert turn.acquire(timeout=PATIENCE_S)
                yield b"m%d" % n

        for answer in self.method("stream_stream", "Both")(say(), timeout=PATIENCE_S):
            heard.append(answer)
            turn.release()
        return heard == [b"M%d" % n for n in range(50)]

    def quiet(self):
        """A stream on which nobody says anything for longer than a request's body may stand still."""
        turn = threading.Event()

        def say():
            yield b"a"
            turn.wait(PATIENCE_S)
            yield b"b"

        answers = self.method("stream_stream", "Both")(say(), timeout=PATIENCE_S)
        first = next(answers)
        time.sleep(0.9)
        turn.set()
        return [first.decode(), *(answer.decode() for answer in answers)]

    def large(self):
        message = bytes(range(256)) * (BIG // 256)
        return self.method("unary_unary", "Unary")(message, timeout=PATIENCE_S) == message

    def many(self):
        call = self.method("unary_unary", "Unary")
        futures_ = [call.future(b"%d" % n, timeout=PATIENCE_S) for n in range(200)]
        return [int(future.result()) for future in futures_] == list(range(200))

    def fail(self):
        try:
            return self.method("unary_unary", "Fail")(b"", timeout=PATIENCE_S).decode()
        except grpc.RpcError as error:
            return status(error)

    def fail_late(self):
        heard = []
        try:
            for answer in self.method("unary_stream", "FailLate")(b"", timeout=PATIENCE_S):
                heard.append(answer.decode())
        except grpc.RpcError as error:
            return heard + status(error)[:2]
        return heard

    def cancelled(self):
        """A call that its client gives up is given up by the server too."""
        count = self.method("unary_unary", "Count")
        counts = lambda: [int(n) for n in count(b"", timeout=PATIENCE_S).split()]

        def becomes(which, before):
            until = time.monotonic() + PATIENCE_S
            while counts()[which] == before:
                if time.monotonic() > until:
                    return False
                time.sleep(0.02)
            return True

        hanging, cancelled = counts()
        call = self.method("unary_unary", "Hang").future(b"")
        arrived = becomes(0, hanging)
        call.cancel()
        return arrived and becomes(1, cancelled)

    def deadline(self):
        """The proxy keeps it too: of a client that says 300 ms and waits for longer."""
        try:
            answer = self.method("unary_unary", "Hang")(b"", metadata=[("x-deadline", "1")], timeout=0.3)
            return answer.decode()
        except grpc.RpcError as error:
            return error.code().name


def call(chain, target, name, *names):
    calls, found = Calls(chain, target, name), {}
    for one in names:
        try:
            found[one] = getattr(calls, one)()
        except grpc.RpcError as error:
            found[one] = status(error)
    print(json.dumps(found))


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])

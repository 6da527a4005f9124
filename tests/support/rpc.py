"""gRPC as our services speak it, by Debian's python3-grpcio; its messages are made from contracts/grpc by protoc."""

import atexit
import functools
import importlib
import shutil
import struct
import subprocess
import sys
import tempfile
from concurrent import futures

import grpc

from support.publisher import TOKEN
from support.root import ROOT

OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]


@functools.cache
def messages(name):
    """The messages of contracts/grpc/<name>.proto."""
    folder = tempfile.mkdtemp(prefix="agora-messages-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    contracts = ROOT / "contracts" / "grpc"
    subprocess.run(["protoc", f"--python_out={folder}", "-I", str(contracts), str(contracts / f"{name}.proto")], check=True)
    sys.path.append(folder)
    return importlib.import_module(f"{name}_pb2")


def token_file(folder, *tokens):
    file = folder / "service-token"
    file.write_text("".join(token + "\n" for token in tokens or [TOKEN]))
    return ("--service-token-file", str(file))


class Peer:
    """Who calls a service."""

    def __init__(self, service, token=TOKEN, options=()):
        self.channel = grpc.insecure_channel(f"{service.address}:{service.grpc_port}", options=[*OPTIONS, *options])
        self.metadata = [("authorization", f"Bearer {token}")] if token else []

    def close(self):
        self.channel.close()

    def begin(self, method, request, timeout=5, metadata=(), response=None):
        """A call under way. `request`: a message or bytes."""
        encoded = request if isinstance(request, bytes) else request.SerializeToString()
        call = self.channel.unary_unary(f"/{method}", request_serializer=None, response_deserializer=response.FromString if response else None)
        return call.future(encoded, timeout=timeout, metadata=[*self.metadata, *metadata], wait_for_ready=False)

    def ask(self, name, timeout=5, **fields):
        """A method of order's, by its name."""
        order = messages("order")
        request = getattr(order, f"{name}Request")(**fields)
        return self.begin(f"agora.order.v1.OrderService/{name}", request, timeout, response=getattr(order, f"{name}Response")).result()

    def health(self, service=""):
        """grpc.health.v1: field 1 of the request is the service's name, of the answer its status (1: SERVING)."""
        request = bytes([0x0A, len(service)]) + service.encode() if service else b""
        return self.begin("grpc.health.v1.Health/Check", request).result()


SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


def refused(status, ask, *arguments, code=None, **fields):
    """Asserts that a call is refused so; `code`: of ours, where it is an answer."""
    try:
        answer = ask(*arguments, **fields)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        assert error.code() == status, error
        assert trailers.get("agora-code") == code, (trailers, error)
        return error
    raise AssertionError(f"it was answered: {answer}")


class FakeCatalog:
    """Catalog as order sees it: answers as a test says."""

    def __init__(self):
        self.answer = None
        self.asked = []
        self.server = None
        self.port = None

    def start(self, port=0):
        self.server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers([self])
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()
        return self

    def stop(self):
        self.server.stop(None).wait()

    @property
    def flags(self):
        return ("--catalog-grpc", f"127.0.0.1:{self.port}")

    def service(self, details):
        assert details.method == "/agora.catalog.v1.CatalogService/GetOffers", details
        return grpc.unary_unary_rpc_method_handler(self.get_offers)

    def get_offers(self, request, context):
        catalog = messages("catalog")
        self.asked.append((catalog.GetOffersRequest.FromString(request), dict(context.invocation_metadata()), context.time_remaining()))
        answer = self.answer(context)
        return answer if isinstance(answer, bytes) else answer.SerializeToString()


# HTTP/2 by hand, for what no client library sends

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING = 0, 1, 3, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header_block(**headers):
    """RFC 7541 §6.2.2: literals without indexing, no Huffman codes."""
    block = b""
    for name, value in headers.items():
        name, value = name.replace("__", ":").replace("_", "-").encode(), value.encode()
        assert len(name) < 127 and len(value) < 127
        block += bytes([0, len(name)]) + name + bytes([len(value)]) + value
    return block


def call_headers(method, token=TOKEN, timeout="2S"):
    return header_block(__method="POST", __scheme="http", __path=f"/{method}", __authority="order", te="trailers",
                        content_type="application/grpc", grpc_timeout=timeout, authorization=f"Bearer {token}")

"""A collector of traces for tests: takes OTLP/HTTP, and reads it with OpenTelemetry's official protobuf messages."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.root import ROOT

sys.path.insert(0, subprocess.run([ROOT / "tools" / "otlp-messages"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip())

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse  # noqa: E402
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status  # noqa: E402

KINDS = {Span.SPAN_KIND_INTERNAL: "internal", Span.SPAN_KIND_SERVER: "server", Span.SPAN_KIND_CLIENT: "client", Span.SPAN_KIND_PRODUCER: "producer",
         Span.SPAN_KIND_CONSUMER: "consumer"}


class Told:
    """A span, as a test asks about it."""

    def __init__(self, resource, span):
        self.resource = values(resource.attributes)
        self.service = self.resource["service.name"]
        self.trace_id, self.span_id, self.parent_id = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.name, self.kind = span.name, KINDS[span.kind]
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.failed = span.status.code == Status.STATUS_CODE_ERROR
        self.flags = span.flags
        self.attributes = values(span.attributes)

    def __repr__(self):
        return f"{self.service} {self.kind} {self.name} {self.parent_id}>{self.span_id} {self.attributes}"


def values(attributes):
    return {attribute.key: getattr(attribute.value, attribute.value.WhichOneof("value")) for attribute in attributes}


def read(body):
    """The request, if these messages know every byte of it."""
    request = ExportTraceServiceRequest.FromString(body)
    again = ExportTraceServiceRequest.FromString(body)
    again.DiscardUnknownFields()
    assert again.ByteSize() == len(body), "fields that OTLP does not have"
    return request


class Collector:
    def __init__(self):
        self.spans = []
        self.sizes = []  # spans in each request that was taken
        self.status = 200
        self.hold = threading.Event()  # cleared: it takes connections and does not answer
        self.hold.set()
        self.tries = 0
        self.trouble = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.tries += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.hold.wait()
                try:
                    self.answer(collector.take(self.path, self.headers["Content-Type"], body))
                except OSError:
                    pass  # it did not wait
                except Exception as error:  # noqa: BLE001 a handler's failure would pass unseen
                    collector.trouble.append(error)

            def answer(self, status):
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def take(self, path, content_type, body):
        assert path == "/v1/traces" and content_type == "application/x-protobuf", (path, content_type)
        request = read(body)
        if self.status != 200:
            return self.status
        taken = [Told(of.resource, span) for of in request.resource_spans for scope in of.scope_spans for span in scope.spans]
        self.sizes.append(len(taken))
        self.spans += taken
        return 200

    def stop(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()
        assert not self.trouble, self.trouble

    @property
    def flags(self):
        return ("--otlp", self.url, "--otlp.interval", "50ms")

    def of(self, trace_id):
        return [span for span in list(self.spans) if span.trace_id == trace_id]

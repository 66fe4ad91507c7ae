"""A server that writes down what it is sent, and answers as it is told: the counterpart of `run` and `ping`."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any, NamedTuple

PATIENCE_SECONDS = 20
KEY = "ab12cd34ef56gh78ij90kl"


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def written(self) -> bytes:
        """The report, as it was before it was told when it is sent."""
        return self.body.rpartition(b', "sent_at": ')[0] + b"}"

    @property
    def check_in(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b"OK"
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


OK = Answer()
ACCEPTED = Answer(200, b'{"status": 200}', "application/json")
NOT_FOUND = Answer(404, b"not found")
BUSY = Answer(503, b"busy", headers=(("Retry-After", "600"),))


class Recorder:
    """`answers` are given one by one, and then `usual`. While `open` is not set, nobody gets an answer."""

    def __init__(self, port: int = 0, trust: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.usual = OK
        self.open = Event()
        self.open.set()
        self._arrived = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        if trust is not None:
            self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.base = f"{'https' if trust else 'http'}://127.0.0.1:{self.port}"
        self.url = f"{self.base}/ping/{KEY}/backup"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, count: int) -> list[Request]:
        """The requests, once there are `count`."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE_SECONDS)
        assert arrived, f"{len(self.requests)} requests and not {count}"
        return self.requests

    @property
    def check_ins(self) -> list[dict[str, Any]]:
        """Those that came as JSON, whatever was answered."""
        said = [json.loads(request.body) for request in self.requests if request.body]
        return [check_in for check_in in said if "kind" in check_in]

    @property
    def kinds(self) -> list[str]:
        return [check_in["kind"] for check_in in self.check_ins]

    @property
    def ends(self) -> list[dict[str, Any]]:
        return [check_in for check_in in self.check_ins if check_in["kind"] in ("success", "fail", "exit")]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorder._arrives(Request(self.path, headers, body))
                recorder.open.wait(PATIENCE_SECONDS)
                self._give(recorder.answers.pop(0) if recorder.answers else recorder.usual)

            def _give(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in (("Content-Type", answer.content_type), *answer.headers):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                return

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    return  # whoever asked is gone

        return Handler

    def _arrives(self, request: Request) -> None:
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()


@contextmanager
def recording(port: int = 0, trust: ssl.SSLContext | None = None) -> Iterator[Recorder]:
    recorder = Recorder(port, trust)
    try:
        yield recorder
    finally:
        recorder.close()

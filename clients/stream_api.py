"""A transmitter with a stream API on loopback, as far as a stream that is polled needs one (SSF 1.0 section 8, RFC 8936)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "transmitter-token"


class StreamApi:
    def __init__(self) -> None:
        self.streams: list[dict] = []
        self.asked_of: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                api.get(self)

            def do_POST(self) -> None:
                api.post(self)

            def do_DELETE(self) -> None:
                api.streams.clear()
                api.answer(self, 204, None)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def answer(request: BaseHTTPRequestHandler, status: int, body: object) -> None:
        data = json.dumps(body).encode() if body is not None else b""
        request.send_response(status)
        if data:
            request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def get(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.split("?")[0]
        self.asked_of.append(path)
        documents = {
            "/.well-known/ssf-configuration": {
                "spec_version": "1_0", "issuer": self.url, "jwks_uri": f"{self.url}/jwks",
                "delivery_methods_supported": ["urn:ietf:rfc:8936"], "configuration_endpoint": f"{self.url}/streams",
                "status_endpoint": f"{self.url}/status", "verification_endpoint": f"{self.url}/verify",
                "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
            },
            "/jwks": {"keys": []},
            "/streams": self.streams[0] if "stream_id" in request.path and self.streams else self.streams,
            "/status": {"stream_id": "stream-1", "status": "enabled"},
        }
        if path in documents:
            self.answer(request, 200, documents[path])
        else:
            self.answer(request, 404, {"err": "not_found"})

    def post(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers.get("Content-Length") or 0)) or b"{}")
        self.asked_of.append(request.path)
        if request.path == "/streams":
            stream = {"stream_id": "stream-1", "iss": self.url, "aud": "https://receiver.example",
                      "events_supported": body.get("events_requested", []), "events_delivered": body.get("events_requested", []),
                      **body, "delivery": {"method": "urn:ietf:rfc:8936", "endpoint_url": f"{self.url}/poll"}}
            self.streams.append(stream)
            self.answer(request, 201, stream)
        elif request.path == "/poll":
            self.answer(request, 200, {"sets": {}, "moreAvailable": False})
        elif request.path == "/verify":
            self.answer(request, 204, None)
        else:
            self.answer(request, 404, {"err": "not_found"})

    def close(self) -> None:
        self.server.shutdown()

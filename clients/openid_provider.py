"""A tiny OpenID provider on a port of loopback: whoever comes is signed in at once; it checks PKCE and the client."""

import base64
import hashlib
import json
import secrets
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLIENT_ID = "watchfire"
CLIENT_SECRET = "s3cret with blanks"
# The DER in front of a SHA-256 digest (RFC 8017 section 9.2).
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Provider:
    """`key` is a private RSA key as a JWK."""

    def __init__(self, key: dict) -> None:
        self.key = key
        self.person = {"sub": "sub-1", "email": "admin@watchfire.local", "email_verified": True, "amr": ["mfa"]}
        self.codes: dict[str, dict] = {}
        self.nonce: str | None = None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.token(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, to: BaseHTTPRequestHandler, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        to.send_response(status)
        to.send_header("Content-Type", "application/json")
        to.send_header("Content-Length", str(len(data)))
        to.end_headers()
        to.wfile.write(data)

    def get(self, to: BaseHTTPRequestHandler) -> None:
        url = urllib.parse.urlsplit(to.path)
        if url.path == "/.well-known/openid-configuration":
            self.answer(to, 200, {
                "issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize",
                "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/keys",
                "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256"],
                "authorization_response_iss_parameter_supported": True,
            })
        elif url.path == "/keys":
            public = {name: self.key[name] for name in ("kty", "n", "e", "kid") if name in self.key}
            self.answer(to, 200, {"keys": [public]})
        elif url.path == "/authorize":
            asked = dict(urllib.parse.parse_qsl(url.query))
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"], "iss": self.issuer}
            to.send_response(302)
            to.send_header("Location", asked["redirect_uri"] + "?" + urllib.parse.urlencode(back))
            to.end_headers()
        else:
            self.answer(to, 404, {})

    def token(self, to: BaseHTTPRequestHandler) -> None:
        form = dict(urllib.parse.parse_qsl(to.rfile.read(int(to.headers["Content-Length"])).decode()))
        kind, _, pair = to.headers.get("Authorization", "").partition(" ")
        shown = [urllib.parse.unquote_plus(part) for part in base64.b64decode(pair).decode().split(":")] if kind == "Basic" else []
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if shown != [CLIENT_ID, CLIENT_SECRET] or asked is None or asked["code_challenge"] != challenge:
            return self.answer(to, 400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300,
                  "nonce": self.nonce or asked["nonce"], **self.person}
        self.answer(to, 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(claims)})

    def sign(self, claims: dict) -> str:
        header = {"alg": "RS256", **({"kid": self.key["kid"]} if "kid" in self.key else {})}
        signed = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
        modulus = number(self.key["n"])
        size = (modulus.bit_length() + 7) // 8
        digest = SHA256 + hashlib.sha256(signed.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        signature = pow(int.from_bytes(padded), number(self.key["d"]), modulus).to_bytes(size)
        return f"{signed}.{encode(signature)}"

"""A mail server (aiosmtpd, STARTTLS and AUTH required) and a webhook's other end (https, signatures verified by Python's own hmac).

Writes what arrives into `mails.jsonl` and `calls.jsonl` in the folder, one JSON object a line. The signing key is read from `secret` there."""

import base64
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

settings = json.loads(sys.argv[1])
folder = pathlib.Path(settings["folder"])


def keep(name, what):
    with open(folder / name, "a") as file:
        file.write(json.dumps(what) + "\n")


def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "localhost.crt", folder / "localhost.key")
    return context


class Mails:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        keep("mails.jsonl", {
            "to": envelope.rcpt_tos,
            "header_to": message["To"],
            "subject": message["Subject"],
            "id": message["Message-ID"],
            "auto": message["Auto-Submitted"],
            "body": message.get_content(),
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
        })
        return "250 taken"


def known(server, session, envelope, mechanism, data):
    good = data.login == settings["user"].encode() and data.password == settings["password"].encode()
    return AuthResult(success=good)


class Calls(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        secret = (folder / "secret").read_text().strip().removeprefix("whsec_")
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(base64.b64decode(secret), signed, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(digest).decode()
        keep("calls.jsonl", {
            "path": self.path,
            "id": self.headers["webhook-id"],
            "verified": hmac.compare_digest(expected, self.headers["webhook-signature"]),
            "body": json.loads(body),
        })
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


Controller(
    Mails(),
    hostname="127.0.0.1",
    port=settings["smtp"],
    tls_context=tls(),
    require_starttls=True,
    auth_required=True,
    authenticator=known,
).start()
calls = http.server.ThreadingHTTPServer(("127.0.0.1", settings["https"]), Calls)
calls.socket = tls().wrap_socket(calls.socket, server_side=True)
print("ready", flush=True)
calls.serve_forever()

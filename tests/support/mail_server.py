"""A mail server on loopback that keeps what it is sent. Whoever writes to `nobody@…` is refused."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Self, cast


class MailServer:
    """Speaks as much SMTP as a client needs that does not log in."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._server = ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(server) -> type[StreamRequestHandler]:
        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 here")
                while line := self.rfile.readline().decode().strip():
                    if line.upper() == "DATA":
                        self.say("354 go on")
                        lines = list(iter(self.rfile.readline, b".\r\n"))
                        found = message_from_bytes(
                            b"".join(line.removeprefix(b".") for line in lines), policy=policy.default
                        )
                        server.mails.append(cast("EmailMessage", found))
                        self.say("250 kept")
                    elif "nobody@" in line:
                        self.say("550 there is no such person")
                    else:
                        self.say("221 bye" if line.upper() == "QUIT" else "250 ok")

            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

        return Handler

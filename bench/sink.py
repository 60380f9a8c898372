"""A mail server that takes everything and keeps nothing, fast enough not to be what is measured.

`python -m bench.sink` prints the port that it listens on.
"""

import socket
import sys
from threading import Thread

END = b"\r\n.\r\n"
BLOCK = 256 * 1024
GREETING = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
REPLIES = {b"EHLO": GREETING, b"HELO": b"250 sink\r\n", b"QUIT": b"221 2.0.0 Bye\r\n"}
OK, GO_ON = b"250 2.0.0 OK\r\n", b"354 Go on\r\n"


def talk(line: socket.socket) -> None:
    """One SMTP session (RFC 5321), to its end."""
    with line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(b"220 sink ESMTP\r\n")
        buffer = b""
        while True:
            command, buffer = _up_to(line, buffer, b"\r\n")
            verb = command[:4].upper()
            if not verb:
                return
            if verb == b"DATA":
                line.sendall(GO_ON)
                _, buffer = _up_to(line, buffer, END)
            line.sendall(REPLIES.get(verb, OK))
            if verb == b"QUIT":
                return


def _up_to(line: socket.socket, buffer: bytes, end: bytes) -> tuple[bytes, bytes]:
    """What comes before an end, and what has come behind it already; nothing when the other side has hung up."""
    searched = 0
    while (found := buffer.find(end, searched)) < 0:
        searched = max(len(buffer) - len(end) + 1, 0)
        block = line.recv(BLOCK)
        if not block:
            return b"", b""
        buffer += block
    return buffer[:found], buffer[found + len(end) :]


def main() -> None:
    """Listen until the process is ended."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            line, _ = server.accept()
            Thread(target=talk, args=(line,), daemon=True).start()


if __name__ == "__main__":
    main()

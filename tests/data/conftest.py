"""A cache of its own for every test of the data, and mirrors on this machine."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import socket
import threading

import pytest
from idx_files import FILES, idx_bytes, write_set

from dlcourse.data.published import MNIST


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, no DLCOURSE_DATA, and no connection to any machine but this one."""
    monkeypatch.setenv("DLCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DLCOURSE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    connect = socket.socket.connect

    def only_here(self, address):
        if address[0] != "127.0.0.1":
            raise OSError(101, "Network is unreachable")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_here)
    return tmp_path / "cache" / "mnist"


class Mirror(http.server.ThreadingHTTPServer):
    """Serves a folder; `manner` spoils it: None, 404, "wrong", "short", "endless", "silent", "slow"."""

    daemon_threads = True

    def __init__(self, folder, manner=None):
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder, self.manner, self.asked = folder, manner, []
        self.stop = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, client_address):
        """A client that hangs up is what some tests want."""

    def close(self):
        self.stop.set()
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        manner, stop = self.server.manner, self.server.stop
        self.server.asked.append(self.path[1:])
        data = (self.server.folder / self.path[1:]).read_bytes()
        if manner == 404:
            return self.send_error(404)
        if manner == "silent":
            return stop.wait(20)
        if manner == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        self.send_response(200)
        if manner != "endless":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if manner == "short":
            return self.wfile.write(data[: len(data) // 2])
        if manner == "slow":
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            return stop.wait(20)
        self.wfile.write(data)
        while manner == "endless" and not stop.is_set():
            self.wfile.write(bytes(1 << 16))


def small(arrays, **facts):
    """What MNIST would publish, were it these four arrays."""
    return dataclasses.replace(MNIST, sha256=tuple(hashlib.sha256(idx_bytes(a)).hexdigest() for a in arrays), **facts)


@pytest.fixture
def publish(monkeypatch):
    """publish(arrays): from now on load_mnist expects these. As strict as with the real ones."""
    return lambda arrays: monkeypatch.setattr("dlcourse.data.mnist.MNIST", small(arrays))


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    """make(manner, manner): load_mnist now knows these two mirrors of a small set."""
    arrays = write_set(tmp_path / "origin", train=300)
    data = [(tmp_path / "origin" / f"{file}.gz").read_bytes() for file in FILES]
    opened = []

    def make(*manners):
        opened.extend(servers := [Mirror(tmp_path / "origin", manner) for manner in manners])
        published = small(
            arrays,
            mirrors=tuple(s.address for s in servers),
            md5=tuple(hashlib.md5(d, usedforsecurity=False).hexdigest() for d in data),
            bytes=tuple(map(len, data)),
        )
        monkeypatch.setattr("dlcourse.data.mnist.MNIST", published)
        return servers

    yield make
    for server in opened:
        server.close()

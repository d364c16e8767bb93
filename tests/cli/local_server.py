"""What the tests' own HTTP servers share: a loopback port, connections that can be cut, and an account of requests.

Python's standard library only.
"""
import http.server
import socket
import ssl
import threading


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


class LocalHandler(http.server.BaseHTTPRequestHandler):
    """Keeps connections, logs nothing, and tells its LocalServer of each connection."""

    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.owner.opened(self.connection)


class LocalServer:
    """handler: a BaseHTTPRequestHandler, to which this is `self.server.owner`.  certificate: files of certificate and
    key; https then."""

    handler = None

    def __init__(self, certificate=None, host='127.0.0.1', port=0):
        self.certificate, self.host, self.port = certificate, host, port
        self.lock = threading.Lock()
        self.requests, self.connections = [], set()
        self.n_now = self.most_at_once = self.n_connections = 0
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.stopped = threading.Event()
        self.server = Listener((self.host, self.port), self.handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.server.owner = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Nothing answers any more, and open connections are cut."""
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            connections, self.connections = self.connections, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def at(self, path):
        return '%s://%s:%d%s' % ('https' if self.certificate else 'http', self.host, self.port, path)

    def opened(self, connection):
        with self.lock:
            self.connections.add(connection)
            self.n_connections += 1

    def note_request(self, request):
        """Its number; it is under way until end()."""
        with self.lock:
            number = len(self.requests)
            self.requests.append(request)
            self.n_now += 1
            self.most_at_once = max(self.most_at_once, self.n_now)
        return number

    def choose(self, number, request):
        with self.lock:  # a test's function may keep account
            return self.fault(number, request)

    def end(self):
        with self.lock:
            self.n_now -= 1

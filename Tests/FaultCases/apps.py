"""Apps that take harm in their own ways."""
from harness import SERVER, write

NODE = """
const http = require('http'), fs = require('fs'), body = fs.readFileSync(process.argv[1]);
const server = http.createServer((q, a) => { a.setHeader('Content-Length', body.length); a.setHeader('Connection', 'close'); a.end(body) });
server.listen({fd: 3});
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections() });
"""


# It takes its signal, and does nothing.
DEAF = NODE[:NODE.index("process.on")] + "process.on('SIGTERM', () => {});"

PYTHON = """
import http.server, os, signal, socket, sys
body = open(sys.argv[1], 'rb').read()
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
server = http.server.HTTPServer(('127.0.0.1', 0), Handler, False)
server.socket = socket.socket(fileno=3)
class Stop(Exception): pass
def stop(*_): raise Stop
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGUSR1, lambda *_: server.socket.shutdown(2))
try: server.serve_forever()
except Stop: pass
"""


def scripted(s, script, **settings):
    """A server whose next generations may be something else: what /bin/sh finds in the file."""
    path = s.directory + "/next"
    write(path, ":\n")
    s.start(app=["sh", "-c", '. "%s"; exec "%s" "%s"' % (path, SERVER, s.volume + "/app.txt")], **settings)
    write(path, script + "\n")
    return path

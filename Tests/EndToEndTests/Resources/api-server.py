"""Speaks the Kubernetes API's wire format for ConfigMaps, Secrets and their watches, and serves files, over TLS.

usage: api-server.py DIRECTORY

In DIRECTORY: cert.pem and key.pem; control.json, which says what there is and how to misbehave, and is read again as it
changes; requests.log, which is written. The port is printed.
"""
import http.server, json, os, queue, ssl, sys, threading, time, urllib.parse

directory = sys.argv[1]
lock = threading.Lock()
objects, watchers, control = {}, [], {}
version = 100
expired_below = 0


def misbehaviour(name, default=None):
    return control.get("mode", {}).get(name, default)


def event(kind, item):
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def tell(path, kind, item):
    for watched, events in watchers:
        if watched == path:
            events.put(event(kind, item))


def apply(new):
    global version, control
    with lock:
        control = new
        wanted = new.get("objects", {})
        for path in list(objects):
            if path not in wanted:
                version += 1
                gone = objects.pop(path)
                gone["metadata"]["resourceVersion"] = str(version)
                tell(path, "DELETED", gone)
        for path, content in wanted.items():
            old = objects.get(path)
            kind, namespace, name = path.split("/")
            if old and old["_content"] == content:
                continue
            version += 1
            metadata = {"name": name, "namespace": namespace, "resourceVersion": str(version),
                        "uid": old["metadata"]["uid"] if old else "uid-%d" % version,
                        "annotations": content.get("annotations", {})}
            item = {"kind": {"configmap": "ConfigMap", "secret": "Secret"}[kind], "apiVersion": "v1",
                    "metadata": metadata, "data": content.get("data", {}), "_content": content}
            if "binaryData" in content:
                item["binaryData"] = content["binaryData"]
            objects[path] = item
            if "timed" in new:
                print("sent", content.get("data", {}).get("page"), time.time_ns(), flush=True)
            tell(path, "MODIFIED" if old else "ADDED", item)
        for path, count in new.get("burst", {}).items():
            for number in range(count):
                version += 1
                item = dict(objects[path])
                item["metadata"] = dict(item["metadata"], resourceVersion=str(version))
                item["data"] = dict(item["data"], burst=str(number + 1))
                objects[path] = item
                tell(path, "MODIFIED", item)


def follow_control():
    last = None
    while True:
        try:
            text = open(directory + "/control.json").read()
            if text != last:
                last = text
                apply(json.loads(text))
        except (OSError, ValueError):
            pass
        time.sleep(0.01)


def status(code, reason, message):
    return code, {}, json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                 "message": message, "reason": reason, "code": code}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, code, headers, body):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        with open(directory + "/requests.log", "a") as log:
            log.write("%s %s %s\n" % (url.path, json.dumps(query), self.headers.get("If-None-Match", "-")))
        if url.path.startswith("/files/"):
            return self.serve_file(url.path)
        tokens = control.get("tokens")
        if tokens and self.headers.get("Authorization", "")[len("Bearer "):] not in tokens:
            return self.answer(*status(401, "Unauthorized", "Unauthorized"))
        code = misbehaviour("status")
        if code == 429:
            return self.answer(429, {"Retry-After": "1", "Content-Type": "text/plain"},
                               b"Too many requests, please try again later.\n")
        if code:
            return self.answer(*status(code, "Broken", "broken on request"))
        parts = url.path.split("/")  # /api/v1/namespaces/NS/configmaps[/NAME]
        if parts[5] == "pods":
            return self.get_pod("/".join(parts[6:]))
        kind = {"configmaps": "configmap", "secrets": "secret"}.get(parts[5])
        selector = query.get("fieldSelector", "")
        name = parts[6] if len(parts) > 6 else selector[len("metadata.name="):]
        if len(parts) == 6 and not selector.startswith("metadata.name="):
            return self.answer(*status(403, "Forbidden", "resourceNames needs a fieldSelector"))
        path = "%s/%s/%s" % (kind, parts[4], name)
        verb = "get" if len(parts) > 6 else "watch" if query.get("watch") else "list"
        if verb in misbehaviour("forbid", []):
            return self.answer(*status(403, "Forbidden", "cannot %s resource" % verb))
        if verb == "get":
            item = objects.get(path)
            if not item:
                return self.answer(*status(404, "NotFound", "not found"))
            return self.answer(200, {"Content-Type": "application/json"}, json.dumps(item).encode())
        if verb == "list":
            items = [objects[path]] if path in objects else []
            body = {"kind": "List", "metadata": {"resourceVersion": str(version)}, "items": items}
            return self.answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())
        self.watch(path, query)

    def get_pod(self, name):
        if misbehaviour("forbidPods"):
            return self.answer(*status(403, "Forbidden", "cannot get resource"))
        pod = control.get("pods", {}).get(name)
        if not pod:
            return self.answer(*status(404, "NotFound", "not found"))
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(pod).encode())

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def watch(self, path, query):
        initial = query.get("sendInitialEvents") == "true"
        if initial and misbehaviour("watchlist") is False:
            return self.answer(*status(422, "Invalid", "sendInitialEvents is forbidden"))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = queue.Queue()
        with lock:
            since = int(query.get("resourceVersion", "0") or 0)
            if not initial and since < misbehaviour("expireBelow", 0):
                self.chunk(json.dumps({"type": "ERROR", "object": {
                    "kind": "Status", "status": "Failure", "message": "too old resource version",
                    "reason": "Expired", "code": 410}}).encode() + b"\n")
                return self.chunk(b"")
            if initial:
                if path in objects:
                    events.put(event("ADDED", objects[path]))
                events.put(event("BOOKMARK", {"kind": "ConfigMap", "metadata": {
                    "resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}}))
            elif path in objects and int(objects[path]["metadata"]["resourceVersion"]) > since:
                events.put(event("MODIFIED", objects[path]))
            watchers.append((path, events))
        try:
            # Whatever is to go wrong goes wrong in this stream.
            began = control
            flooded = None
            while True:
                how = misbehaviour("watch")
                if control.get("flood") and control is not flooded:
                    flooded = control
                    self.flood(path, control["flood"])
                try:
                    data = events.get(timeout=0.02)
                except queue.Empty:
                    if control is not began and how == "end":
                        return self.chunk(b"")
                    if control is not began and how == "cut":
                        self.wfile.write(b"40\r\n{\"type\":\"MODIFIED\",\"obj")
                        self.wfile.flush()
                        self.close_connection = True
                        return
                    if control is not began and how == "garbage":
                        self.chunk(b"{]\n")
                        return self.chunk(b"")
                    continue
                while how == "freeze" and control is not began:
                    time.sleep(0.02)
                    how = misbehaviour("watch")
                if how == "slow":
                    for byte in data:
                        self.chunk(bytes([byte]))
                        time.sleep(0.001)
                else:
                    while not events.empty() and len(data) < 1 << 20:
                        data += events.get()
                    self.chunk(data)
        except OSError:
            pass
        finally:
            with lock:
                watchers[:] = [entry for entry in watchers if entry[1] is not events]

    def flood(self, path, count):
        """That many changes, as fast as they go."""
        global version
        mark = "%%%%"
        with lock:
            item = dict(objects[path], data=dict(objects[path]["data"], count=mark))
            item["metadata"] = dict(item["metadata"], resourceVersion=mark)
            before, middle, after = event("MODIFIED", item).split(mark.encode())
            first, version = version, version + count
        print("flood begins", time.time_ns(), flush=True)
        for start in range(0, count, 500):
            self.chunk(b"".join(b"%s%d%s%d%s" % (before, first + number, middle, number, after)
                                for number in range(start + 1, min(start + 500, count) + 1)))

    def serve_file(self, path):
        if misbehaviour("fileStatus"):
            return self.answer(misbehaviour("fileStatus"), {}, b"no")
        token = control.get("fileToken")
        if token and self.headers.get("Authorization") != "Bearer " + token:
            return self.answer(401, {}, b"who are you?")
        if path == "/files/moved":
            return self.answer(302, {"Location": "/files/page"}, b"")
        if path == "/files/circle":
            return self.answer(302, {"Location": "/files/circle"}, b"")
        body = control.get("files", {}).get(path[len("/files/"):], "").encode()
        tag = '"%x"' % (hash(body) & 0xffffffff)
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.send_header("ETag", tag)
            self.end_headers()
            return
        self.answer(200, {"ETag": tag}, body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass


apply(json.load(open(directory + "/control.json")))
threading.Thread(target=follow_control, daemon=True).start()
server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("port", server.server_address[1], flush=True)
server.serve_forever()

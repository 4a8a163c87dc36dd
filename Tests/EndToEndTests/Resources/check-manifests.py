"""Checks Kubernetes manifests offline: every field is one that the API has for its kind, of the right type, and what is needed is
there; selectors match labels, mounts have volumes, references lead to something in the file.

usage: check-manifests.py FILE…       Problems go to stderr, with exit code 1; the settings of Baton to stdout, one file a line.
"""
import sys
import yaml

S, I, B, ANY = str, int, bool, object
MAP = {"*": S}
META = {"name!": S, "namespace": S, "labels": MAP, "annotations": MAP}
KEYS = [{"key!": S, "path!": S}]
PORT = (S, I)
PROBE = {"httpGet": {"path!": S, "port!": PORT}, "tcpSocket": {"port!": PORT}, "exec": {"command!": [S]},
         "initialDelaySeconds": I, "periodSeconds": I, "timeoutSeconds": I, "failureThreshold": I}
SECURITY = {"runAsNonRoot": B, "runAsUser": I, "runAsGroup": I, "fsGroup": I, "seccompProfile": {"type!": S},
            "allowPrivilegeEscalation": B, "readOnlyRootFilesystem": B, "capabilities": {"drop": [S], "add": [S]}}
CONTAINER = {
    "name!": S, "image!": S, "command": [S], "args": [S], "workingDir": S,
    "env": [{"name!": S, "value": S, "valueFrom": {"fieldRef": {"fieldPath!": S}}}],
    "ports": [{"name": S, "containerPort!": I, "protocol": S}],
    "readinessProbe": PROBE, "livenessProbe": PROBE, "startupProbe": PROBE, "securityContext": SECURITY,
    "volumeMounts": [{"name!": S, "mountPath!": S, "subPath": S, "readOnly": B}],
}
POD = {
    "containers!": [CONTAINER], "initContainers": [CONTAINER], "serviceAccountName": S,
    "terminationGracePeriodSeconds": I, "securityContext": SECURITY,
    "volumes": [{"name!": S, "configMap": {"name!": S, "items": KEYS, "optional": B},
                 "secret": {"secretName!": S, "items": KEYS, "optional": B}, "emptyDir": {"medium": S, "sizeLimit": S}}],
}
SELECTOR = {"matchLabels!": MAP}
RULE = {"apiGroups!": [S], "resources!": [S], "resourceNames": [S], "verbs!": [S]}
KINDS = {
    ("v1", "ConfigMap"): {"data": MAP},
    ("v1", "ServiceAccount"): {},
    ("v1", "Namespace"): {},
    ("v1", "Pod"): {"spec!": POD},
    ("apps/v1", "Deployment"): {"spec!": {"replicas": I, "selector!": SELECTOR, "template!": {
        "metadata!": {"labels!": MAP, "annotations": MAP}, "spec!": POD}}},
    ("rbac.authorization.k8s.io/v1", "Role"): {"rules!": [RULE]},
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): {
        "subjects!": [{"kind!": S, "name!": S, "namespace": S}],
        "roleRef!": {"apiGroup!": S, "kind!": S, "name!": S}},
    ("monitoring.coreos.com/v1", "PodMonitor"): {"spec!": {"selector!": SELECTOR, "podMetricsEndpoints!": [
        {"port!": S, "path": S, "interval": S}]}},
}
problems = []


def check(value, schema, where):
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return problems.append("%s is no object" % where)
        for name in schema:
            if name.endswith("!") and name[:-1] not in value:
                problems.append("%s.%s is missing" % (where, name[:-1]))
        for name, inner in value.items():
            rule = schema.get(name, schema.get(name + "!", schema.get("*")))
            if rule is None:
                problems.append("%s has no field %s" % (where, name))
            else:
                check(inner, rule, "%s.%s" % (where, name))
    elif isinstance(schema, list):
        if not isinstance(value, list):
            return problems.append("%s is no list" % where)
        for index, inner in enumerate(value):
            check(inner, schema[0], "%s[%d]" % (where, index))
    elif isinstance(value, bool) and schema is not B or not isinstance(value, schema):
        problems.append("%s: %r is of the wrong type" % (where, value))


def check_pod(pod, objects, where):
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for container in pod["containers"]:
        ports = {port.get("name") for port in container.get("ports", [])}
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                problems.append("%s mounts %s, which is no volume" % (where, mount["name"]))
        port = container.get("readinessProbe", {}).get("httpGet", {}).get("port")
        if isinstance(port, str) and port not in ports:
            problems.append("%s is probed at %s, which is no port" % (where, port))
    account = pod.get("serviceAccountName")
    if account and ("ServiceAccount", account) not in objects:
        problems.append("%s runs as %s, which is not in the file" % (where, account))


for file in sys.argv[1:]:
    with open(file) as stream:
        documents = [document for document in yaml.safe_load_all(stream) if document]
    settings = {}
    objects = {(document.get("kind"), document.get("metadata", {}).get("name")) for document in documents}
    for document in documents:
        kind = (document.get("apiVersion"), document.get("kind"))
        where = "%s: %s" % (file.split("/")[-1], kind[1])
        if kind not in KINDS:
            problems.append("%s: no such kind in %s" % (where, kind[0]))
            continue
        check(document, dict(KINDS[kind], **{"apiVersion!": S, "kind!": S, "metadata!": META}), where)
        if problems:
            continue
        spec = document.get("spec", {})
        pod = spec if kind[1] == "Pod" else spec.get("template", {}).get("spec")
        if pod:
            check_pod(pod, objects, where)
            for container in pod["containers"]:
                settings.update({entry["name"]: entry.get("value", "") for entry in container.get("env", [])
                                 if entry["name"].startswith("BATON_")})
        if kind[1] == "Deployment":
            labels = spec["template"]["metadata"]["labels"]
            if any(labels.get(name) != value for name, value in spec["selector"]["matchLabels"].items()):
                problems.append("%s selects other Pods than its own" % where)
        if kind[1] == "RoleBinding" and ("Role", document["roleRef"]["name"]) not in objects:
            problems.append("%s binds a Role that is not in the file" % where)
    print(" ".join("%s=%s" % entry for entry in sorted(settings.items())))

print("\n".join(problems), file=sys.stderr)
sys.exit(1 if problems else 0)

"""Reads its configuration once, when a worker starts, as most apps do."""
import json
import os

with open(os.environ["APP_CONFIG"]) as file:
    configuration = json.load(file)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [configuration["greeting"].encode()]

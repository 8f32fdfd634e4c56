"""Adds a field to every JSON object that a server answers, whatever its content coding."""

import json

from proxyd_addon import run


class RewriteJSON:
    def response(self, flow):
        if "json" not in flow.response.headers.get("content-type", ""):
            return
        try:
            value = flow.response.json()
        except ValueError:
            return
        if isinstance(value, dict):
            flow.response.text = json.dumps({**value, "seen_by": "proxyd"})


if __name__ == "__main__":
    run(RewriteJSON, name="rewrite-json")

"""Answers requests for http://proxyd.example/ itself; no server is asked."""

import json

from proxyd_addon import Response, event, run


class Answer:
    @event(body="none")
    def request(self, flow):
        if flow.request.host == "proxyd.example":
            answer = {"method": flow.request.method, "path": flow.request.path, "query": dict(flow.request.query)}
            flow.response = Response.make(200, json.dumps(answer), {"content-type": "application/json"})


if __name__ == "__main__":
    run(Answer, name="answer")

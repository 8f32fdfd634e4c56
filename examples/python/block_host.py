"""Blocks hosts: block_host.py HOST..."""

import sys

from proxyd_addon import Response, event, run


class BlockHost:
    def __init__(self, hosts):
        self.hosts = set(hosts)

    @event(body="none")
    def requestheaders(self, flow):
        if flow.request.host in self.hosts:
            flow.response = Response.make(403, f"{flow.request.host} is blocked\n", {"content-type": "text/plain"})

    def http_connect(self, flow):
        self.requestheaders(flow)


if __name__ == "__main__":
    run(BlockHost(sys.argv[1:] or ["blocked.example"]), name="block-host", on_failure="closed")

"""Two network namespaces: a client's, and the one of a router that redirects the client's connections to the proxy."""

from __future__ import annotations

import os
import subprocess

import pytest

CLIENT4, ROUTER4, SERVER4 = "10.213.1.2", "10.213.1.1", "10.213.2.1"
CLIENT6, ROUTER6, SERVER6 = "fd13:1::2", "fd13:1::1", "fd13:2::1"

SETUP = f"""
ip netns add {{client}}
ip netns add {{router}}
ip -n {{client}} link add up-{{tag}} type veth peer name down-{{tag}} netns {{router}}
ip -n {{client}} address add {CLIENT4}/24 dev up-{{tag}}
ip -n {{client}} address add {CLIENT6}/64 dev up-{{tag}} nodad
ip -n {{router}} address add {ROUTER4}/24 dev down-{{tag}}
ip -n {{router}} address add {ROUTER6}/64 dev down-{{tag}} nodad
ip -n {{router}} address add {SERVER4}/32 dev lo
ip -n {{router}} address add {SERVER6}/128 dev lo nodad
ip -n {{client}} link set up-{{tag}} up
ip -n {{router}} link set down-{{tag}} up
ip -n {{router}} link set lo up
ip -n {{client}} route add default via {ROUTER4}
ip -n {{client}} route add default via {ROUTER6}
"""

RULES = """table inet proxied {{
    chain prerouting {{
        type nat hook prerouting priority dstnat
        iifname "down-{tag}" ip daddr {server4} tcp dport 1-65535 redirect to :{port}
        iifname "down-{tag}" ip6 daddr {server6} tcp dport 1-65535 redirect to :{port}
    }}
}}
"""


class Namespaces:
    """The servers' addresses `SERVER4` and `SERVER6` belong to the router."""

    def __init__(self) -> None:
        self.tag = str(os.getpid())
        self.client, self.router = f"client-{self.tag}", f"router-{self.tag}"
        names = {"client": self.client, "router": self.router, "tag": self.tag}
        for line in SETUP.format(**names).strip().splitlines():
            self._must("its network namespaces", line.split())

    def redirect(self, port: int) -> None:
        """Redirects the client's connections to the servers to the proxy from now on."""
        rules = RULES.format(tag=self.tag, port=port, server4=SERVER4, server6=SERVER6)
        self._must("nftables", [*self.inside(self.router), "nft", "-f", "-"], rules)

    def inside(self, namespace: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", namespace)

    def _must(self, what: str, command: list[str], data: str = "") -> None:
        try:
            done = subprocess.run(command, input=data, capture_output=True, text=True, check=False)
            reason = done.stderr.strip() if done.returncode else ""
        except OSError as error:
            reason = str(error)
        if reason:
            self.close()
            assert "syntax error" not in reason, reason
            pytest.skip(f"this machine cannot make {what}: {' '.join(command)}: {reason}")

    def close(self) -> None:
        for name in (self.client, self.router):
            try:
                subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
            except OSError:
                return

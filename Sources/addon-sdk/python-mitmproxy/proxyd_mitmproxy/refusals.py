"""Finds what cannot work outside of mitmproxy's process when a script is loaded."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Optional

OPENSSL = "it sets up an OpenSSL object, and TLS is spoken in proxyd's process; an addon of proxyd's own says at "

HOOKS = {
    "tls_start_client": f"{OPENSSL}tls_clienthello which `certificate` and `alpn` a client gets, and options of proxyd have the rest",
    "tls_start_server": f"{OPENSSL}serverconnect with `verify`, `client_cert` and `ciphers` how TLS is spoken, "
    "and a script may set `data.server.cipher_list` in server_connect",
    "quic_start_client": "proxyd speaks no QUIC",
    "quic_start_server": "proxyd speaks no QUIC",
    "udp_start": "proxyd carries no UDP yet",
    "udp_message": "proxyd carries no UDP yet",
    "dns_request": "proxyd has no DNS mode yet",
    "dns_response": "proxyd has no DNS mode yet",
}
"""Hooks that are never called here."""

CORE = ("mitmproxy.proxy.layers", "mitmproxy.proxy.server", "mitmproxy.proxy.commands", "mitmproxy.proxy.events")
INTERFACES = ("mitmproxy.tools.console", "mitmproxy.tools.web")


REFUSED = "_proxyd_refused"
"""The attribute that marks a refused addon."""


def refusal(addon: Any) -> Optional[str]:
    """Why an addon cannot work here: hooks that are never called, or a script that reaches into mitmproxy's core."""
    if is_bundled(addon):
        return None
    for hook, reason in HOOKS.items():
        if callable(getattr(addon, hook, None)):
            return f"{describe(addon)} has the hook {hook}, which cannot work here: {reason}"
    if isinstance(addon, ModuleType) and (fault := patches(addon)):
        return f"{describe(addon)} {fault}, which cannot work here: the proxy core is proxyd's, in another process"
    return None


def is_bundled(addon: Any) -> bool:
    return type(addon).__module__.startswith(("mitmproxy.", "proxyd_mitmproxy."))


def describe(addon: Any) -> str:
    if isinstance(addon, ModuleType):
        return f"the script {getattr(addon, '__file__', None) or addon.__name__}"
    return f"the addon {type(addon).__name__}"


def patches(module: ModuleType) -> Optional[str]:
    """What a script does to mitmproxy's core, or None."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return None
    return next(faults(tree), None)


def faults(tree: ast.AST) -> Iterator[str]:
    modules = dict(imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from assigned(target, modules)
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                path = dotted(base, modules)
                if path.startswith(CORE):
                    yield f"makes its own kind of {path}"
        elif isinstance(node, ast.Attribute):
            if dotted(node, modules) in ("mitmproxy.ctx.master.view", "mitmproxy.ctx.master.window"):
                yield "works on mitmproxy's own screen"
    for path in modules.values():
        if path.startswith(INTERFACES):
            yield f"uses {path}"


def assigned(target: ast.expr, modules: dict[str, str]) -> Iterator[str]:
    if not isinstance(target, ast.Attribute):
        return
    path = dotted(target, modules)
    if path.startswith("mitmproxy.") and not path.startswith("mitmproxy.ctx."):
        yield f"replaces {path}"
    elif target.attr == "child_layer":
        yield "builds layers of mitmproxy's core"


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that a script imports, with what they stand for in mitmproxy."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                if each.name.split(".")[0] == "mitmproxy":
                    yield (each.asname, each.name) if each.asname else ("mitmproxy", "mitmproxy")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mitmproxy":
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


def dotted(node: ast.expr, modules: dict[str, str]) -> str:
    """An expression as a path in mitmproxy; empty when it is not one."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in modules:
        return ""
    return ".".join([modules[node.id], *reversed(names)])

"""Holds requests until they are resumed from another process.

    python3 breakpoint.py hold '~d example.com & ~m post'     holds what matches the filter
    python3 breakpoint.py list                                shows what is held
    python3 breakpoint.py resume ID                           resumes it
    python3 breakpoint.py kill ID                             closes it
"""

import sys

from proxyd_addon import ctx, event, run

action, *words = sys.argv[1:] or ["list"]


class Hold:
    @event(filter=" ".join(words) or "~all")
    def request(self, flow):
        print("held", flow.id, flow.request.method, flow.request.url, flush=True)
        flow.hold()


class Once:
    """Does one thing and exits."""

    def running(self):
        if action == "list":
            for flow in ctx.flows()["flows"]:
                if flow["intercepted"]:
                    print(flow["id"], flow["method"], flow["url"])
        else:
            result = {"resume": ctx.resume, "kill": ctx.kill}[action](words[0])
            print("done" if result["applied"] else f"not done: {result['reason']}")
        sys.exit()


run(Hold if action == "hold" else Once, name=f"breakpoint-{action}")

"""Changes words in WebSocket texts, and greets each client with a message of its own.

    python3 examples/python/websocket_messages.py cat dog
"""

import sys

from proxyd_addon import ctx, run

OLD, NEW = (sys.argv[1:] + ["cat", "dog"])[:2]


class WebSocketMessages:
    async def websocket_start(self, flow):
        await ctx.inject_websocket(flow.id, "hello from the proxy", to_client=True)

    def websocket_message(self, flow):
        message = flow.messages[-1]
        if message.type == "text" and not message.injected:
            message.text = message.text.replace(OLD, NEW)


run(WebSocketMessages)

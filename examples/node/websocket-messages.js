// Changes words in WebSocket texts, and greets each client with a message of its own: websocket-messages.js cat dog

import { ctx, run } from "proxyd-addon";

const [word = "cat", other = "dog"] = process.argv.slice(2);

class WebSocketMessages {
  async websocket_start(flow) {
    await ctx.inject_websocket(flow.id, "hello from the proxy", { to_client: true });
  }

  websocket_message(flow) {
    const message = flow.messages.at(-1);
    if (message.type === "text" && !message.injected) message.text = message.text.replaceAll(word, other);
  }
}

await run(WebSocketMessages, { name: "websocket-messages" });

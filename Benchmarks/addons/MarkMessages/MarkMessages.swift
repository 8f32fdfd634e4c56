import AddonSDK

/// Ends each WebSocket text with a mark of its direction.
@main
struct MarkMessages: WebSocketMessageHandler {
    let name = "mark-messages"

    var settings: AddonSettings {
        var settings = AddonSettings()
        settings.subscriptions = [Subscription(event: .websocketMessage, include: ["messages"])]
        return settings
    }

    func websocketMessage(_ flow: WebSocketFlow) {
        let text = String(decoding: flow.content, as: UTF8.self)
        flow.replaceMessage(text: text + (flow.isFromClient ? ">" : "<"))
    }
}

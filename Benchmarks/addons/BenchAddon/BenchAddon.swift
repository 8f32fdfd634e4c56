import AddonSDK

/// Sets a header on every request and response, and ends each WebSocket text with a mark for its direction.
///
/// It subscribes only to the parts of a flow that it changes, or to whole flows when run with `--whole-flows`.
@main
struct BenchAddon: RequestHandler, ResponseHandler, WebSocketMessageHandler {
    let name = "bench-swift"

    var settings: AddonSettings {
        var settings = AddonSettings()
        if CommandLine.arguments.contains("--whole-flows") { return settings }
        settings.subscriptions = [
            Subscription(event: .request, body: .none, include: ["request.headers"]),
            Subscription(event: .response, body: .none, include: ["response.headers"]),
            Subscription(event: .websocketMessage, include: ["messages"]),
        ]
        return settings
    }

    func request(_ flow: HTTPFlow) {
        flow.request.headers["x-bench"] = "1"
    }

    func response(_ flow: HTTPFlow) {
        flow.response?.headers["x-bench"] = "1"
    }

    func websocketMessage(_ flow: WebSocketFlow) {
        flow.replaceMessage(text: flow.contentText + (flow.isFromClient ? ">" : "<"))
    }
}

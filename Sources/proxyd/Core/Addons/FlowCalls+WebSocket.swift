import AddonProtocol
import NIOCore

/// `inject.websocket`.
extension FlowCalls {
    func injectMessage(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        guard let id = params["flow"]?.stringValue else {
            throw .invalidParams("flow", found: params["flow"], allowed: "a flow's id")
        }
        guard let toClient = params["to_client"]?.boolValue else {
            throw .invalidParams("to_client", found: params["to_client"], allowed: "true or false")
        }
        let payload = try payload(params)
        return try await flows.with(id) { flow, _ throws(ProtocolError) in
            guard let flow = flow as? WebSocketFlow else {
                throw .invalidParams("flow", found: params["flow"], allowed: "a websocket flow")
            }
            let message = WebSocketMessage(payload, fromClient: !toClient, injector: session.name)
            guard let injector = flow.injector else { return .notApplied("the flow has ended") }
            return injector(message).map { .notApplied($0) } ?? ["applied": true]
        }
    }

    private func payload(_ params: JSONValue) throws(ProtocolError) -> WebSocketPayload {
        guard let type = params["type"]?.stringValue.flatMap(WebSocketMessage.Kind.init) else {
            throw .invalidParams("type", found: params["type"], allowed: "\"text\" or \"binary\"")
        }
        guard let bytes = params["content"]?.bytesValue else {
            throw .invalidParams("content", found: params["content"], allowed: "a string or {\"base64\": …}")
        }
        let content = ByteBuffer(bytes: bytes)
        guard type == .binary || content.isUTF8 else {
            throw .invalidParams("content", found: params["content"], allowed: "UTF-8, as the type is text")
        }
        return WebSocketPayload(type: type, content: content)
    }
}

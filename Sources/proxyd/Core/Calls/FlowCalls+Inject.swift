import AddonProtocol
import NIOCore
import ProxyCodecs

/// `inject.tcp` and `inject.websocket`: bytes or a message of the addon's own, in one direction of a flow.
extension FlowCalls {
    func injectTCP(_ params: JSONValue) async throws(ProtocolError) -> JSONValue {
        let (id, toClient) = try target(params)
        let content = try content(params)
        return try await flows.with(id) { flow, loop throws(ProtocolError) in
            guard let flow = flow as? TCPFlow else {
                throw .invalidParams("flow", found: params["flow"], allowed: "a tcp flow")
            }
            guard loop.hasRoom(forContent: content.count) else { return .notApplied(Self.noMemory) }
            defer { loop.count(flow) }
            return answer(flow.direction(toClient: toClient).inject(content))
        }
    }

    func injectMessage(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let (id, toClient) = try target(params)
        guard let type = params["type"]?.stringValue.flatMap(WebSocketMessage.Kind.init) else {
            throw .invalidParams("type", found: params["type"], allowed: "\"text\" or \"binary\"")
        }
        let payload = WebSocketPayload(type: type, content: ByteBuffer(bytes: try content(params)))
        guard type == .binary || payload.content.isUTF8 else {
            throw .invalidParams("content", found: params["content"], allowed: "UTF-8, as the type is text")
        }
        return try await flows.with(id) { flow, loop throws(ProtocolError) in
            guard let flow = flow as? WebSocketFlow else {
                throw .invalidParams("flow", found: params["flow"], allowed: "a websocket flow")
            }
            guard let injector = flow.injector else { return .notApplied("the flow has ended") }
            guard loop.hasRoom(forContent: payload.content.readableBytes) else { return .notApplied(Self.noMemory) }
            return answer(injector(WebSocketMessage(payload, fromClient: !toClient, injected: true)))
        }
    }

    private static let noMemory = "there is no memory for it (memory_limit)"

    private func target(_ params: JSONValue) throws(ProtocolError) -> (id: String, toClient: Bool) {
        guard let id = params["flow"]?.stringValue else {
            throw .invalidParams("flow", found: params["flow"], allowed: "a flow's id")
        }
        guard let toClient = params["to_client"]?.boolValue else {
            throw .invalidParams("to_client", found: params["to_client"], allowed: "true or false")
        }
        return (id, toClient)
    }

    private func content(_ params: JSONValue) throws(ProtocolError) -> [UInt8] {
        guard let content = params["content"]?.bytesValue else {
            throw .invalidParams("content", found: params["content"], allowed: "a string or {\"base64\": …}")
        }
        return content
    }

    private func answer(_ refusal: String?) -> JSONValue {
        refusal.map { .notApplied($0) } ?? ["applied": true]
    }
}

import AddonProtocol

extension AddonCalls {
    /// `inject.tcp`: bytes of the addon's own, in one direction of a flow.
    func injectTCP(_ params: JSONValue) async throws(ProtocolError) -> JSONValue {
        guard let id = params["flow"]?.stringValue else {
            throw .invalidParams("flow", found: params["flow"], allowed: "a flow's id")
        }
        guard let toClient = params["to_client"]?.boolValue else {
            throw .invalidParams("to_client", found: params["to_client"], allowed: "true or false")
        }
        guard let content = params["content"]?.bytesValue else {
            throw .invalidParams("content", found: params["content"], allowed: "a string or {\"base64\": …}")
        }
        return try await flows.flows.with(id) { flow, _ throws(ProtocolError) in
            guard let flow = flow as? TCPFlow else {
                throw .invalidParams("flow", found: params["flow"], allowed: "a tcp flow")
            }
            return flow.direction(toClient: toClient).inject(content).map { .notApplied($0) } ?? ["applied": true]
        }
    }
}

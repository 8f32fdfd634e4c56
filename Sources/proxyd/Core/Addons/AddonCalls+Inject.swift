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
        for loop in flows.flows.loops {
            let outcome = await loop.run { loop -> JSONValue? in
                guard let flow = loop.flows[id] else { return nil }
                guard let flow = flow as? TCPFlow else { return Self.refused("this is no TCP flow") }
                let refusal = flow.direction(toClient: toClient).inject(content)
                return refusal.map(Self.refused) ?? ["applied": true]
            }
            if let outcome { return outcome }
        }
        throw ProtocolError(code: ProtocolError.unknownFlow, message: "no live flow has the id \(id.debugDescription)")
    }

    private static func refused(_ reason: String) -> JSONValue { ["applied": false, "reason": .string(reason)] }
}

package import AddonProtocol

/// Tries an event without a daemon: what an addon would be sent, and whether the daemon would accept its reply.
package struct EventTrial {
    /// Why a reply would be refused.
    package struct Refusal: Equatable, Sendable {
        /// The place in the reply.
        package let path: String
        /// What is wrong, and what is allowed there.
        package let reason: String
    }

    /// The event that is tried.
    package let event: Event
    /// What an addon with this subscription would be sent, without `_meta`.
    package private(set) var params = JSONValue.null
    private let source: JSONValue
    private let shape: SnapshotShape
    private let body: Subscription.Body

    /// - Parameter params: the event's complete arguments, as in the golden examples of `schema/`.
    /// - Throws: -32602, which names a path in the subscription that no snapshot has.
    package init(_ subscription: Subscription, params: JSONValue) throws(ProtocolError) {
        event = subscription.event
        shape = try SnapshotShape(subscription)
        body = subscription.body
        source = params
        guard let subject = subject() else {
            self.params = .object((params.members ?? []).filter { $0.name != "_meta" })
            return
        }
        var writer = JSONWriter()
        writer.beginObject()
        subject.writeArguments(shape, into: &writer)
        writer.endObject()
        self.params = (try? JSONReader.read(writer.bytes, maximumDepth: Limits.ownDepth)) ?? .null
    }

    /// Why the daemon would refuse `reply`; nil when it would accept it.
    package func refusal(of reply: JSONValue) -> Refusal? {
        guard reply.isNull || reply.members != nil else {
            return Refusal(path: "result", reason: "found a JSON \(reply.typeName); allowed: null or an object")
        }
        guard let subject = subject() else { return nil }
        do throws(PatchRefusal) {
            let action = try ReplyAction(reply)
            let gate = Gate(subject: subject, event: event, view: shape)
            for patch in action.patches(inOrderOf: subject) { try gate.apply(patch) { params[patch.name] ?? .null } }
            return nil
        } catch {
            return Refusal(path: error.path, reason: error.reason)
        }
    }

    /// Whether an addon with this filter might be sent the event.
    package func mayMatch(_ filter: String) -> Bool {
        guard let filter = try? FlowFilter(parsing: filter), let view = subject()?.filterView else { return true }
        return filter.matches(view) ?? true
    }

    /// A new subject each time, since a reply changes it; nil when there is nothing to change.
    private func subject() -> (any EventSubject)? {
        switch event {
        case .clientconnect, .clientdisconnect: source["root_layer"].map(ConnectionEvent.init(reading:))
        case .nextLayer: source["layer"].map(NextLayerTrial.init)
        case .tlsClienthello: TLSClientHelloEvent(reading: source)
        case .serverconnect: ServerConnectEvent(reading: source)
        case .socks5Auth: SOCKS5AuthEvent(reading: source)
        case .requestData, .responseData: BodyChunk(reading: source)
        case .update, .dnsRequest, .dnsResponse, .dnsError, .udpStart, .udpMessage, .udpError, .udpEnd: nil
        default: source["flow"].flatMap(flow)
        }
    }

    private func flow(_ json: JSONValue) -> (any EventSubject)? {
        switch json["type"]?.stringValue {
        case "http":
            let flow = HTTPFlow(reading: json)
            flow.comes(to: event, body)
            return flow
        case "websocket": return WebSocketFlow(reading: json)
        case "tcp": return TCPTrial(json)
        default: return nil
        }
    }
}

extension HTTPFlow {
    /// Puts the flow into its state at this event, for a single addon that wants this much of the body.
    fileprivate func comes(to event: Event, _ delivery: Subscription.Body) {
        switch event {
        case .request: request.body.comes(as: delivery, &requestIsSent)
        case .responseheaders, .error, .httpConnected, .httpConnectError: requestIsSent = true
        case .response:
            requestIsSent = true
            response?.body.comes(as: delivery, &responseIsSent)
        default: break
        }
    }
}

extension Body {
    /// With `none` the event precedes the body; with `stream` it follows.
    fileprivate mutating func comes(as delivery: Subscription.Body, _ isSent: inout Bool) {
        switch delivery {
        case .full, .preview: break
        case .none: self = Body()
        case .stream:
            bytes = nil
            isSent = true
        }
    }
}

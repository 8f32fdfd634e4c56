extension EventSubject {
    /// What an entry of the log is about, to be put behind it: the flow with its URL or server, or the client.
    var logged: String {
        if let liveFlow { return " (\(liveFlow.logged))" }
        return connection?.peername.map { " (client \($0))" } ?? ""
    }
}

extension LiveFlow {
    var logged: String {
        switch self {
        case let flow as HTTPFlow: "flow \(id) \(flow.loggedURL)"
        case let flow as WebSocketFlow: "flow \(id) \(flow.handshake.loggedURL)"
        case let flow as TCPFlow: "flow \(id) \(flow.loggedServer)"
        default: "flow \(id)"
        }
    }
}

extension HTTPFlow {
    /// Of a request that says nowhere where it goes, the path.
    fileprivate var loggedURL: String {
        let url = request.host.isEmpty ? request.path : url
        return String(decoding: url, as: UTF8.self).shortened(toBytes: Limits.loggedURLBytes)
    }
}

extension TCPFlow {
    fileprivate var loggedServer: String {
        (serverConnection.address ?? serverConnection.peername)?.description ?? ""
    }
}

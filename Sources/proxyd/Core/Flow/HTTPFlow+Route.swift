extension HTTPFlow {
    /// Where the request currently goes, and through which proxy.
    var way: (address: ConnectionInfo.Address, via: UpstreamProxy?) {
        let usual = clientConnection.usualRoute
        let named = ConnectionInfo.Address(host: request.host, port: request.port)
        return (route?.address ?? usual?.address ?? named, route?.via ?? usual?.via ?? nil)
    }

    /// Why it is too late to reroute the request; nil when it is not.
    var whyWayIsSettled: String? {
        if requestIsSent { return "the request has been sent already" }
        if failure != nil { return "the request has failed already" }
        if response != nil { return "the request has been answered already" }
        return state == .request ? nil : "the proxy is already connecting to the server"
    }

    /// The server connection, or what an addon has decided about one that is still to be made.
    var shownServer: ConnectionInfo? {
        guard route != nil, whyWayIsSettled == nil else { return serverConnection }
        // An id that no connection has.
        let planned = ConnectionInfo(id: id + ".server", side: .server, number: clientConnection.number)
        (planned.address, planned.via) = way
        planned.tls = request.scheme == "https" ? ConnectionInfo.TLS() : nil
        return planned
    }
}

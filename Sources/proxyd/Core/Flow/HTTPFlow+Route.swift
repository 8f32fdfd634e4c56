extension HTTPFlow {
    /// Where the request goes as things are, and through which proxy.
    var way: (address: ConnectionInfo.Address, via: UpstreamProxy?) {
        let usual = clientConnection.usualRoute
        let named = ConnectionInfo.Address(host: request.host, port: request.port)
        return (route?.address ?? usual?.address ?? named, route?.via ?? usual?.via ?? nil)
    }

    /// Why it comes too late to say where the request goes; nil: it does not.
    var whyWayIsSettled: String? {
        if requestIsSent { return "the request has been sent already" }
        if failure != nil { return "the request has failed already" }
        if response != nil { return "the request has been answered already" }
        return state == .request ? nil : "the connection to its server is being made already"
    }

    /// The connection to the server, or in its place what an addon has decided of one that is still to come.
    var shownServer: ConnectionInfo? {
        guard route != nil, whyWayIsSettled == nil else { return serverConnection }
        // No connection has this id.
        let planned = ConnectionInfo(id: id + ".server", side: .server, number: clientConnection.number)
        (planned.address, planned.via) = way
        planned.tls = request.scheme == "https" ? ConnectionInfo.TLS() : nil
        return planned
    }
}

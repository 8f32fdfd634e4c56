/// The connections to servers that one client connection has open; confined to its loop.
final class UpstreamPool: @unchecked Sendable {
    private var idle: [UpstreamConnection] = []
    private var failures: [UpstreamConnection.Destination: FlowError] = [:]
    private var all: [ObjectIdentifier: UpstreamConnection] = [:]

    /// Takes an idle connection to the destination out of the pool.
    func take(_ destination: UpstreamConnection.Destination) -> UpstreamConnection? {
        while let index = idle.lastIndex(where: { $0.destination == destination }) {
            let connection = idle.remove(at: index)
            connection.stream.onInputEnd = nil
            connection.hasAnswered = false
            if connection.isUsable { return connection }
            connection.end()
        }
        return nil
    }

    func opened(_ connection: UpstreamConnection) {
        all[ObjectIdentifier(connection)] = connection
    }

    func ended(_ connection: UpstreamConnection) {
        all[ObjectIdentifier(connection)] = nil
        idle.removeAll { $0 === connection }
    }

    /// Keeps a connection for the next request to its destination.
    func put(_ connection: UpstreamConnection) {
        guard connection.isUsable, !connection.isRedirected else { return connection.end() }
        if idle.count >= Limits.idleUpstreams { idle.removeFirst().end() }
        connection.stream.onInputEnd = { [weak connection] in connection?.end() }
        idle.append(connection)
    }

    /// Remembers that a connection which was made ahead of its request failed; the next request is told.
    func put(_ failure: FlowError, of destination: UpstreamConnection.Destination) {
        failures[destination] = failure
    }

    func takeFailure(of destination: UpstreamConnection.Destination) -> FlowError? {
        failures.isEmpty ? nil : failures.removeValue(forKey: destination)
    }

    /// Closes everything.
    func end() {
        for connection in all.values { connection.end() }
    }
}

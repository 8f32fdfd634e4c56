import NIOCore

/// The open server connections of one client connection. Confined to its loop.
final class UpstreamPool: @unchecked Sendable {
    @exclusivity(unchecked) private var idle: [UpstreamConnection] = []
    /// HTTP/2 connections, which any number of exchanges use at once.
    @exclusivity(unchecked) private var shared: [Destination: UpstreamConnection] = [:]
    /// Exchanges that wait for a connection that another exchange is opening.
    @exclusivity(unchecked) private var opening: [Destination: [Waiter]] = [:]
    @exclusivity(unchecked) private var waits = 0
    @exclusivity(unchecked) private var failures: [Destination: FlowError] = [:]
    @exclusivity(unchecked) private var all: [ObjectIdentifier: UpstreamConnection] = [:]

    /// Resumes with whether it is the waiter's turn to open the connection.
    private typealias Waiter = (number: Int, continuation: UnsafeContinuation<Bool, Never>)

    /// Takes an idle connection to the destination; for an upgrade, one that leads to the server itself.
    func take(
        _ destination: Destination,
        forUpgrade: @autoclosure () -> Bool
    ) -> UpstreamConnection? {
        while let index = idle.lastIndex(where: {
            $0.destination == destination && !($0.takesAbsoluteForm && forUpgrade())
        }) {
            let connection = idle.remove(at: index)
            connection.isPooled = false
            connection.hasAnswered = false
            if connection.isUsable { return connection }
            connection.end()
        }
        return nil
    }

    /// A connection to the destination that exchanges can share.
    func share(_ destination: Destination) -> UpstreamConnection? {
        guard let connection = shared[destination] else { return nil }
        if connection.http2?.mayOpen ?? true, connection.stream.isOpen { return connection }
        shared[destination] = nil
        return nil
    }

    /// Lets one exchange at a time open a connection that others may come to share.
    ///
    /// - Returns: whether it is the caller's turn, which lasts until `openingEnded`. If not, another exchange's turn
    ///   has just ended, or the caller was interrupted.
    func opens(_ destination: Destination, _ interruption: Interruption) async -> Bool {
        guard opening[destination] != nil else {
            opening[destination] = []
            return true
        }
        guard interruption.error == nil else { return false }
        waits += 1
        let number = waits
        return await interruption.during(
            { await withUnsafeContinuation { opening[destination, default: []].append((number, $0)) } },
            cut: { _ in self.stopWaiting(number, for: destination) }
        )
    }

    private func stopWaiting(_ number: Int, for destination: Destination) {
        guard let index = opening[destination]?.firstIndex(where: { $0.number == number }) else { return }
        opening[destination]?.remove(at: index).continuation.resume(returning: false)
    }

    /// - Parameter isGivenUp: whether the caller no longer wants a connection. If there is none to share, the turn
    ///   passes to the next waiter.
    func openingEnded(_ destination: Destination, isGivenUp: Bool) {
        if isGivenUp, shared[destination] == nil, !(opening[destination]?.isEmpty ?? true) {
            opening[destination]?.removeFirst().continuation.resume(returning: true)
        } else {
            for waiter in opening.removeValue(forKey: destination) ?? [] {
                waiter.continuation.resume(returning: false)
            }
        }
    }

    func opened(_ connection: UpstreamConnection) {
        assertOnLoop(connection.stream.transport.eventLoop)
        all[ObjectIdentifier(connection)] = connection
    }

    func ended(_ connection: UpstreamConnection) {
        assertOnLoop(connection.stream.transport.eventLoop)
        all[ObjectIdentifier(connection)] = nil
        idle.removeAll { $0 === connection }
        if shared[connection.destination] === connection { shared[connection.destination] = nil }
    }

    /// Keeps a connection for the next request to its destination.
    func put(_ connection: UpstreamConnection) {
        assertOnLoop(connection.stream.transport.eventLoop)
        if connection.isShared { return putShared(connection) }
        guard connection.isUsable, !connection.isRedirected else { return connection.end() }
        if idle.count >= Limits.idleUpstreams { idle.removeFirst().end() }
        connection.isPooled = true
        idle.append(connection)
    }

    private func putShared(_ connection: UpstreamConnection) {
        guard connection.stream.isOpen, connection.stream.inputIsOpen, !connection.isRedirected else {
            return connection.end()
        }
        connection.isPooled = true
        connection.http2?.onGoingAway = { [weak connection] in
            if connection?.http2?.isIdle ?? true { connection?.end() }
        }
        shared[connection.destination] = connection
    }

    /// Remembers the failure of a connection that was made ahead of its request, for the next request.
    func put(_ failure: FlowError, of destination: Destination) {
        failures[destination] = failure
    }

    /// Takes the failure of a connection that was made ahead of its request.
    func takeFailure(of destination: Destination) -> FlowError? {
        failures.isEmpty ? nil : failures.removeValue(forKey: destination)
    }

    /// Closes all connections.
    func end() {
        for connection in all.values { connection.end() }
    }
}

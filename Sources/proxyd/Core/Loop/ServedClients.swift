import NIOCore

/// A client connection, as far as stopping the daemon concerns it. Confined to its loop.
protocol ServedClient: AnyObject {
    /// Closes the connection after its active exchange, or at once if there is none.
    func stop()

    /// Aborts whatever is still running.
    func cut()
}

/// The clients that a loop serves, so that they can be stopped and waited for. Confined to that loop.
final class ServedClients {
    private var clients: [ObjectIdentifier: any ServedClient] = [:]
    private var waiting: [EventLoopPromise<Bool>] = []

    var all: [any ServedClient] { Array(clients.values) }

    func add(_ client: any ServedClient) { clients[ObjectIdentifier(client)] = client }

    func remove(_ client: any ServedClient) {
        clients[ObjectIdentifier(client)] = nil
        guard clients.isEmpty else { return }
        for promise in waiting { promise.succeed(true) }
        waiting = []
    }

    /// Completes with true once there are no clients, or with false at `deadline`.
    func areGone(by deadline: NIODeadline, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        if clients.isEmpty { return eventLoop.makeSucceededFuture(true) }
        let promise = eventLoop.makePromise(of: Bool.self)
        waiting.append(promise)
        let timer = eventLoop.scheduleTask(deadline: deadline) { promise.succeed(false) }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }
}

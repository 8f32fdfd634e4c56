import NIOCore

/// A client's connection, as far as the daemon that stops needs it; confined to its loop.
protocol ServedClient: AnyObject {
    /// Lets a running exchange end, and closes after it; at once when there is none.
    func stop()

    /// Cuts off whatever still runs.
    func cut()
}

/// The clients that a loop serves, so that they can be stopped and waited for; confined to that loop.
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

    /// Becomes true when there are none any more, or false at `deadline`.
    func areGone(by deadline: NIODeadline, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        if clients.isEmpty { return eventLoop.makeSucceededFuture(true) }
        let promise = eventLoop.makePromise(of: Bool.self)
        waiting.append(promise)
        let timer = eventLoop.scheduleTask(deadline: deadline) { promise.succeed(false) }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }
}

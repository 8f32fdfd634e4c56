import NIOCore
import NIOPosix

/// What belongs to one event loop and is touched on it alone: its executor, its counters, its copy of the options.
class LoopContext: OnLoop, @unchecked Sendable {
    let eventLoop: any EventLoop
    let executor: LoopExecutor
    /// The clients that are served, so that they can be stopped.
    let clients = ServedClients()
    @exclusivity(unchecked) var counters = Counters()
    /// For masks.
    @exclusivity(unchecked) var randomKeys = RandomKeys()
    /// How many requests that no client sent are under way.
    var ownRequests = 0
    let memory: MemoryLedger
    let budget: MemoryBudget
    /// How many loops the daemon has.
    let loopCount: Int
    private let optionStore: OptionStore
    @exclusivity(unchecked) private var optionCopy = Published<Options>.Copy<OptionSnapshot>()
    @exclusivity(unchecked) private var watched: [ObjectIdentifier: ByteStream] = [:]

    /// Warnings that come once a minute.
    var notices = MinuteNotice()
    /// Warnings that come once.
    private var said: Set<String> = []
    private let allocator = ByteBufferAllocator()
    @exclusivity(unchecked) private var ids: IDSequence
    private var clientNumbers = 0

    /// - Parameter index: the loop's number, so that no two loops hand out the same id.
    init(
        eventLoop: any EventLoop,
        index: Int,
        daemonID: String,
        budget: MemoryBudget,
        options: OptionStore
    ) {
        loopCount = budget.ledgers.count
        self.budget = budget
        memory = budget.ledgers[index]
        optionStore = options
        self.eventLoop = eventLoop
        executor = LoopExecutor(eventLoop: eventLoop)
        ids = IDSequence(prefix: daemonID + String(index, radix: 36))
    }

    /// The newest options.
    var options: OptionSnapshot { optionStore.snapshot(&optionCopy) }

    /// An id that no other flow or connection has, in this daemon or (very likely) another.
    func makeID() -> String {
        assertOnLoop(eventLoop)
        return ids.next()
    }

    func nextClientNumber() -> Int {
        assertOnLoop(eventLoop)
        clientNumbers += 1
        return clientNumbers
    }

    /// An empty buffer; without a capacity, for a message's head.
    func buffer(capacity: Int = 1024) -> ByteBuffer { allocator.buffer(capacity: capacity) }

    /// Whether this has not been said before on this loop, as far as is remembered.
    func isFirst(_ text: String) -> Bool {
        guard said.count < Limits.rememberedWarnings else { return false }
        return said.insert(text).inserted
    }

    // MARK: Idle streams

    /// Closes the stream when it has waited too long for its peer; until it is closed.
    func watch(_ stream: ByteStream) {
        assertOnLoop(eventLoop)
        let id = ObjectIdentifier(stream)
        watched[id] = stream
        stream.channel.closeFuture.assumeIsolated().whenComplete { _ in self.watched[id] = nil }
    }

    /// Breaks every watched stream on which nothing has moved for `timeout`, while its peer was awaited.
    func closeIdle(after timeout: TimeAmount) {
        assertOnLoop(eventLoop)
        for stream in watched.values { stream.noteTaken() }
        let latest = NIODeadline.now() - timeout
        // First all are judged: the end of one looks like a move of its partner.
        let idle = watched.values.filter { $0.idleSince.map { $0 < latest } ?? false }
        for stream in idle {
            stream.fail(FlowError(.timeout, "nothing came for \(timeout.nanoseconds / 1_000_000_000) s"))
        }
    }

    /// Gives up every head that has been on its way for `timeout`.
    func endHeads(after timeout: TimeAmount) {
        let latest = NIODeadline.now() - timeout
        for stream in Array(watched.values) { stream.endHead(since: latest) }
    }

    /// Runs straight-line code on this loop and hands its value back.
    func perform<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        await valueFromAnotherThread { give in start { give(await body()) } }
    }

    /// Runs what takes long on another thread, so that this loop's other connections go on meanwhile.
    func offLoop<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await valueFromAnotherThread { give in
            NIOSingletons.posixBlockingThreadPool.submit { _ in
                let value = work()
                self.eventLoop.execute { give(value) }
            }
        }
    }

    /// Starts straight-line code on this loop. It runs at once, up to its first wait; started by other such code, as soon
    /// as that waits, so whatever that does before comes first.
    func start(_ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: executor, operation: body)
    }
}

/// What is confined to one loop.
protocol OnLoop: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }
}

extension OnLoop {
    /// Runs `body` on this loop and hands its value back.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Self) -> Value) async -> Value {
        await valueFromAnotherThread { give in eventLoop.execute { give(body(self)) } }
    }
}

/// Counts of what happened, one set a loop; `stats` adds them up.
struct Counters: Sendable {
    var clientConnections = 0
    var serverConnections = 0
    var serverConnectionsReused = 0
    var flows = 0
    var responses = 0
    var errors = 0
    var malformedRequests = 0
    var tunnels = 0
    var rejectedMutations = 0

    /// The counters under the names that `stats` gives them.
    var named: [(String, Int)] {
        [
            ("client_connections", clientConnections), ("server_connections", serverConnections),
            ("server_connections_reused", serverConnectionsReused), ("flows", flows), ("responses", responses),
            ("errors", errors), ("malformed_requests", malformedRequests), ("tunnels", tunnels),
            ("rejected_mutations", rejectedMutations),
        ]
    }
}

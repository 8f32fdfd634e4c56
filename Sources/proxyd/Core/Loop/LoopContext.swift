import NIOCore
import NIOPosix

/// The state of one event loop, accessed only on that loop: its executor, its counters, its copy of the options.
class LoopContext: OnLoop, @unchecked Sendable {
    let eventLoop: any EventLoop
    /// The loop's number.
    let index: Int
    let executor: LoopExecutor
    /// The clients being served, so that they can be stopped.
    let clients = ServedClients()
    @exclusivity(unchecked) var counters = Counters()
    /// For WebSocket masks.
    @exclusivity(unchecked) var randomKeys = RandomKeys()
    /// The number of active requests that no client sent.
    var ownRequests = 0
    let memory: MemoryLedger
    let budget: MemoryBudget
    /// How many loops the daemon has.
    let loopCount: Int
    private let optionStore: OptionStore
    @exclusivity(unchecked) private var optionCopy = Published<Options>.Copy<OptionSnapshot>()
    @exclusivity(unchecked) private var watched: [ObjectIdentifier: ByteStream] = [:]

    /// Warnings that are given once a minute.
    var notices = MinuteNotice()
    /// Warnings that are given once.
    private var said: Set<String> = []
    private let allocator = ByteBufferAllocator()
    @exclusivity(unchecked) private var ids: IDSequence
    private var clientNumbers = 0

    /// - Parameter index: the loop's number, which keeps ids unique across loops.
    init(
        eventLoop: any EventLoop,
        index: Int,
        ids: LoopIDs,
        budget: MemoryBudget,
        options: OptionStore
    ) {
        self.index = index
        loopCount = budget.ledgers.count
        self.budget = budget
        memory = budget.ledgers[index]
        optionStore = options
        self.eventLoop = eventLoop
        executor = LoopExecutor(eventLoop: eventLoop)
        self.ids = IDSequence(prefix: ids.prefix(ofLoop: index))
    }

    /// The current options.
    var options: OptionSnapshot { optionStore.snapshot(&optionCopy) }

    /// Makes an id for a flow or connection that is unique in this daemon and, very likely, beyond.
    func makeID() -> String {
        assertOnLoop(eventLoop)
        return ids.next()
    }

    func nextClientNumber() -> Int {
        assertOnLoop(eventLoop)
        clientNumbers += 1
        return clientNumbers
    }

    /// An empty buffer, by default with room for a message head.
    func buffer(capacity: Int = 1024) -> ByteBuffer { allocator.buffer(capacity: capacity) }

    /// Whether this notice is the first of its kind on this loop, as far as they are remembered.
    func isFirst(_ text: String) -> Bool {
        guard said.count < Limits.rememberedWarnings else { return false }
        return said.insert(text).inserted
    }

    // MARK: Idle streams

    /// Closes the stream when it has waited too long for its peer. Ends with the stream.
    func watch(_ stream: ByteStream) {
        assertOnLoop(eventLoop)
        let id = ObjectIdentifier(stream)
        watched[id] = stream
        stream.transport.closeFuture.assumeIsolated().whenComplete { _ in self.watched[id] = nil }
    }

    /// Breaks every watched stream whose peer was awaited and on which nothing has moved for `timeout`.
    func closeIdle(after timeout: TimeAmount) {
        assertOnLoop(eventLoop)
        for stream in watched.values { stream.noteTaken() }
        let latest = NIODeadline.now() - timeout
        // All are judged before any is closed, since closing one looks like activity to its partner.
        let idle = watched.values.filter { $0.idleSince.map { $0 < latest } ?? false }
        for stream in idle {
            stream.fail(FlowError(.timeout, "no data for \(timeout.nanoseconds / 1_000_000_000) s"))
        }
    }

    /// Gives up every head that has been incomplete for `timeout`.
    func endHeads(after timeout: TimeAmount) {
        let latest = NIODeadline.now() - timeout
        for stream in Array(watched.values) { stream.endHead(since: latest) }
    }

    /// Runs straight-line code on this loop and returns its value.
    func perform<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        await valueFromAnotherThread { give in start { give(await body()) } }
    }

    /// Runs long work on another thread, so that this loop stays free for other connections.
    func offLoop<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await valueFromAnotherThread { give in
            NIOSingletons.posixBlockingThreadPool.submit { _ in
                let value = work()
                self.eventLoop.execute { give(value) }
            }
        }
    }

    /// Waits for the loop's next turn: what else is due in this one comes first.
    func nextTurn() async {
        await withUnsafeContinuation { turn in eventLoop.assumeIsolated().execute { turn.resume() } }
    }

    /// Starts straight-line code on this loop. It runs at once, up to its first wait; started by other such code, as soon
    /// as that waits, so whatever that does before comes first.
    func start(_ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: executor, operation: body)
    }
}

/// Something that is confined to one loop.
protocol OnLoop: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }
}

extension OnLoop {
    /// Runs `body` on the object's loop and returns its value.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Self) -> Value) async -> Value {
        await valueFromAnotherThread { give in eventLoop.execute { give(body(self)) } }
    }
}

/// Counts what happened on one loop; `stats` adds them up.
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

    /// The counters by their names in `stats`.
    var named: [(String, Int)] {
        [
            ("client_connections", clientConnections), ("server_connections", serverConnections),
            ("server_connections_reused", serverConnectionsReused), ("flows", flows), ("responses", responses),
            ("errors", errors), ("malformed_requests", malformedRequests), ("tunnels", tunnels),
            ("rejected_mutations", rejectedMutations),
        ]
    }
}

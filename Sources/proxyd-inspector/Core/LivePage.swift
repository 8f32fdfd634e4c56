import AddonProtocol
import Foundation
import Synchronization

/// An open page. Changes are recorded by key, and become text only when the page reads. So a page that falls behind gets the
/// newest state of each flow, and takes no more memory than the keys.
final class LivePage: ByteSource {
    private struct State {
        /// The keys of flows that are new or have changed.
        var keys: Set<Int> = []
        /// The number of the last recorded change.
        var number = 0
        /// How many keys were too many to record.
        var missed = 0
        var goneKeys: [Int] = []
        var goneBefore: Int?
        var allAreGone = false
        var tellsStatus = true
        /// The newest of each other event.
        var others: [String: JSONValue] = [:]
        var isToComment = false

        var isEmpty: Bool {
            keys.isEmpty && goneKeys.isEmpty && goneBefore == nil && !allAreGone && !tellsStatus && others.isEmpty
                && !isToComment && missed == 0
        }
    }

    /// The most keys recorded for a page that does not read.
    private static let keyLimit = 100_000
    /// The most keys sent at once.
    private static let keysAtOnce = 500
    private static let goneAtOnce = 10_000
    private static let pause = Duration.milliseconds(100)

    private let store: FlowStore
    private let status: InspectorStatus
    private let selection: FlowSelection
    private let whenEnded: @Sendable (LivePage) -> Void
    private let state = Mutex(State())
    private let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(
        _ store: FlowStore,
        _ status: InspectorStatus,
        _ selection: FlowSelection,
        whenEnded: @escaping @Sendable (LivePage) -> Void
    ) {
        (self.store, self.status, self.selection, self.whenEnded) = (store, status, selection, whenEnded)
    }

    private func note(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
        signal.yield()
    }

    func tell(_ keys: some Collection<Int>, number: Int) {
        note { state in
            state.keys.formUnion(keys)
            state.number = number
            state.tellsStatus = true
            guard state.keys.count > Self.keyLimit else { return }
            let kept = state.keys.sorted().suffix(Self.keyLimit / 2)
            state.missed += state.keys.count - kept.count
            state.keys = Set(kept)
        }
    }

    func tell(_ name: String, _ value: JSONValue) { note { $0.others[name] = value } }

    /// Records a loss that cannot be made up for.
    func miss(_ count: Int) { note { $0.missed += count } }

    func tellStatus() { note { $0.tellsStatus = true } }

    func tellGone(_ keys: [Int]) {
        note { state in
            state.goneKeys += keys
            state.tellsStatus = true
        }
    }

    func tellGone(before key: Int) {
        note { state in
            state.goneBefore = max(key, state.goneBefore ?? 0)
            state.tellsStatus = true
        }
    }

    func tellAllGone() {
        note { state in
            (state.keys, state.goneKeys, state.goneBefore, state.allAreGone) = ([], [], nil, true)
            state.tellsStatus = true
        }
    }

    func comment() { note { $0.isToComment = true } }

    // MARK: Called by the connection

    func next() async -> [UInt8]? {
        while true {
            let taken = state.withLock { Self.take(&$0) }
            if let taken { return await OffPool.run { self.text(of: taken) } }
            var waiting = signals.makeAsyncIterator()
            guard await waiting.next(isolation: #isolation) != nil else { return nil }
            // More may arrive meanwhile, and is sent together.
            try? await Task.sleep(for: Self.pause)
            if Task.isCancelled { return nil }
        }
    }

    func end() { whenEnded(self) }

    /// Takes what is sent at once; the rest stays recorded.
    private static func take(_ state: inout State) -> State? {
        guard !state.isEmpty else { return nil }
        var taken = state
        state = State()
        state.tellsStatus = false
        state.number = taken.number
        if taken.goneKeys.count > goneAtOnce {
            state.goneKeys = Array(taken.goneKeys.dropFirst(goneAtOnce))
            taken.goneKeys.removeLast(state.goneKeys.count)
        }
        if taken.keys.count > keysAtOnce {
            let sorted = taken.keys.sorted()
            taken.keys = Set(sorted.prefix(keysAtOnce))
            state.keys = Set(sorted.dropFirst(keysAtOnce))
            // A page that reconnects asks for everything after the number that it has.
            taken.number = 0
        }
        return taken
    }

    private func text(of taken: State) -> [UInt8] {
        var bytes: [UInt8] = taken.isToComment ? EventStream.comment : []
        if taken.allAreGone { bytes += EventStream.text("gone", ["all": true]) }
        if let key = taken.goneBefore { bytes += EventStream.text("gone", ["before": .integer(key)]) }
        if !taken.goneKeys.isEmpty {
            bytes += EventStream.text("gone", ["keys": .array(taken.goneKeys.map { .integer($0) })])
        }
        if !taken.keys.isEmpty, let (rows, selected) = try? store.rows(taken.keys.sorted(), selection), !rows.isEmpty {
            let matching = JSONValue.array(selected.map { .integer($0) })
            let id = taken.number > 0 ? taken.number : nil
            bytes += EventStream.text("rows", ["flows": .array(rows), "matching": matching], id: id)
        }
        if taken.missed > 0 { bytes += EventStream.text("missed", ["count": .integer(taken.missed)]) }
        if taken.tellsStatus { bytes += EventStream.text("state", json(of: status)) }
        for (name, value) in taken.others.sorted(by: { $0.key < $1.key }) { bytes += EventStream.text(name, value) }
        return bytes.isEmpty ? EventStream.comment : bytes
    }

    private func json(of status: InspectorStatus) -> JSONValue {
        let size = try? store.size()
        return [
            "connected": .bool(status.isConnected), "missed": .integer(status.missed),
            "flows": .integer(size?.flows ?? 0), "bytes": .integer(size?.bytes ?? 0),
        ]
    }
}

/// Runs blocking work, so that Swift's few threads need not wait for it.
enum OffPool {
    private static let queue = DispatchQueue(label: "inspector.blocking", attributes: .concurrent)

    static func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
            queue.async {
                let result: Result<Value, Failure>
                do throws(Failure) {
                    result = .success(try work())
                } catch {
                    result = .failure(error)
                }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }
}

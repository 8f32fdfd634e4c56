import AddonProtocol
import Foundation
import Synchronization

/// What has arrived and is not written yet. A separate thread writes it, many items at once, since each write has a fixed cost.
final class Backlog: Sendable {
    enum Item: Sendable {
        /// A notification as received, not yet parsed.
        case call(IncomingCall)
        case ended(EndedFlow)
        /// The rows of an answer, and the number of the last change that they include.
        case rows([JSONValue], number: Int)
    }

    private struct State {
        var items: [Item] = []
        var byteCount = 0
        var isWriting = false
    }

    /// The most that is held, in bytes.
    private static let limit = 32 << 20
    private static let itemsAtOnce = 500
    private static let pause = DispatchTimeInterval.milliseconds(20)

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "inspector.writing")

    /// - Parameters:
    ///   - bytes: the approximate memory size of the item.
    ///   - write: gets this item and others, in order.
    func add(_ item: Item, bytes: Int, _ write: @escaping @Sendable ([Item]) -> Void) {
        let (isFirst, isFull) = state.withLock { state in
            state.items.append(item)
            state.byteCount += bytes + 256
            defer { state.isWriting = true }
            return (!state.isWriting, state.byteCount > Self.limit)
        }
        if isFirst { queue.asyncAfter(deadline: .now() + Self.pause) { self.writeAll(write) } }
        if isFull { wait() }
    }

    /// Blocks until everything in the backlog has been written.
    func wait() {
        while state.withLock({ $0.isWriting }) {
            queue.sync {}
            if state.withLock({ $0.isWriting }) { Thread.sleep(forTimeInterval: 0.005) }
        }
    }

    private func writeAll(_ write: ([Item]) -> Void) {
        while true {
            let items = state.withLock { state in
                defer { (state.items, state.byteCount, state.isWriting) = ([], 0, !state.items.isEmpty) }
                return state.items
            }
            guard !items.isEmpty else { return }
            for start in stride(from: 0, to: items.count, by: Self.itemsAtOnce) {
                write(Array(items[start..<min(start + Self.itemsAtOnce, items.count)]))
            }
        }
    }
}

import AddonProtocol
import Foundation
import Synchronization

/// The open pages, each of which is told about changes of flows.
final class LivePages: Sendable {
    private struct State {
        var pages: [ObjectIdentifier: LivePage] = [:]
        /// Grows with every change, even from one inspector to the next.
        var number = Int(Date().timeIntervalSince1970 * 1e6)
        /// Changes up to this number are not remembered.
        var forgotten = 0
        /// The number of each flow's last change, for pages that reconnect.
        var changed: [Int: Int] = [:]
    }

    /// The most changes remembered for pages that reconnect.
    private static let remembered = 20_000

    private let store: FlowStore
    private let status: InspectorStatus
    private let state = Mutex(State())

    init(_ store: FlowStore, _ status: InspectorStatus) {
        self.store = store
        self.status = status
        state.withLock { $0.forgotten = $0.number }
    }

    /// - Parameter last: the number of the last event that the page got before, if it reconnects.
    func open(_ selection: FlowSelection, after last: Int?) -> LivePage {
        let page = LivePage(store, status, selection) { [weak self] page in
            _ = self?.state.withLock { $0.pages.removeValue(forKey: ObjectIdentifier(page)) }
        }
        state.withLock { state in
            state.pages[ObjectIdentifier(page)] = page
            guard let last else { return }
            if last < state.forgotten { page.miss(1) }
            page.tell(state.changed.filter { $0.value > last }.map(\.key), number: state.number)
        }
        return page
    }

    var count: Int { state.withLock(\.pages.count) }

    /// Tells the pages about flows that are new or have changed.
    func tell(_ keys: [Int]) {
        guard !keys.isEmpty else { return }
        state.withLock { state in
            state.number += 1
            for key in keys { state.changed[key] = state.number }
            if state.changed.count > Self.remembered {
                let middle = state.changed.values.sorted()[Self.remembered / 2]
                state.changed = state.changed.filter { $0.value > middle }
                state.forgotten = middle
            }
            for page in state.pages.values { page.tell(keys, number: state.number) }
        }
    }

    func tell(_ name: String, _ value: JSONValue) { each { $0.tell(name, value) } }

    func tellStatus() { each { $0.tellStatus() } }

    func tellGone(_ keys: [Int]) { each { $0.tellGone(keys) } }

    func tellGone(before key: Int) { each { $0.tellGone(before: key) } }

    func tellAllGone() { each { $0.tellAllGone() } }

    /// Tells the pages about flows that were stored, for which the oldest may have been deleted.
    func tellKept(_ keys: [Int], _ left: Int?) {
        tell(keys)
        if let left { tellGone(before: left) }
    }

    func sendComments() { each { $0.comment() } }

    private func each(_ action: (LivePage) -> Void) {
        for page in state.withLock({ Array($0.pages.values) }) { action(page) }
    }
}

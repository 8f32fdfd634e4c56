import AddonProtocol
import Synchronization

/// Finds the recorded flow that answers a request. For each flow it keeps a key of the request and the position in its file.
final class ReplayIndex: Sendable {
    private struct Note: Sendable {
        var key: ReplayKey
        var mayHaveBody: Bool
    }

    /// Methods whose requests usually have a body, which the head need not announce in HTTP/2.
    private static let withBodies = ["POST", "PUT", "PATCH"]

    /// A flow of one of the files.
    struct Place: Sendable, Hashable {
        fileprivate let file: Int
        fileprivate let entry: Int
    }

    /// Flows with matching requests, in recorded order.
    private struct Queue: Sendable {
        var places: [Place] = []
        var next = 0
    }

    /// The most reasons told apart; further ones are counted together.
    private static let maximumReasons = 32

    let matching: ReplayMatching
    /// Why flows are left out, for how many, and the first of them.
    let leftOut: [(reason: String, count: Int, first: String)]
    /// Whether matching requires the bodies of requests.
    let needsBodies: Bool
    let count: Int
    private let files: [RecordedFlows<Note>]
    private let queues: Mutex<[ReplayKey: Queue]>
    /// The flows that the previous index had served.
    private let formerlyUsed: Set<Place>

    /// Reads the files.
    ///
    /// - Parameter former: a previous index of the same files. The flows that it served stay served.
    init(
        _ paths: [String],
        _ matching: ReplayMatching,
        _ limits: ReplayLimits = ReplayLimits(),
        former: ReplayIndex? = nil
    ) throws(FlowFileError) {
        var leftOut: [String: (count: Int, first: String)] = [:]
        files = try paths.map { path throws(FlowFileError) in
            try RecordedFlows(path: path) { flow, place in
                let request = flow["request"] ?? .null
                let key = matching.key(of: request)
                let fault = RecordedResponse.fault(of: flow) ?? RecordedResponse.excess(of: flow, over: limits)
                guard let key, fault == nil else {
                    let reason = fault ?? "the body of its request is not in the file"
                    let isToldApart = leftOut[reason] != nil || leftOut.count < Self.maximumReasons
                    leftOut[isToldApart ? reason : "for other reasons", default: (0, "\(path): \(place)")].count += 1
                    return nil
                }
                let hasContent = request["content"]?.bytesValue?.isEmpty == false
                return Note(key: key, mayHaveBody: hasContent || Self.withBodies.contains(request.text("method")))
            }
        }
        let used = former?.isOf(files) == true ? former?.used ?? [] : []
        var queues: [ReplayKey: Queue] = [:]
        for (number, file) in files.enumerated() {
            for (entry, note) in file.entries.map(\.note).enumerated() {
                let place = Place(file: number, entry: entry)
                if !used.contains(place) { queues[note.key, default: Queue()].places.append(place) }
            }
        }
        formerlyUsed = used
        self.matching = matching
        self.leftOut = leftOut.sorted { $0.key < $1.key }.map { ($0.key, $0.value.count, $0.value.first) }
        needsBodies = !matching.ignoresContent && files.contains { $0.entries.contains(where: \.note.mayHaveBody) }
        count = files.map(\.entries.count).reduce(0, +)
        self.queues = Mutex(queues)
    }

    /// Whether the paths still have the files that were read.
    var isCurrent: Bool { files.allSatisfy { FileStamp(path: $0.path) == $0.stamp } }

    /// Whether the open files are unchanged since they were read.
    var isIntact: Bool { files.allSatisfy(\.isIntact) }

    /// The next flow that answers a request with this key; nil: there is none, or none left.
    ///
    /// - Parameter keeping: whether the flow may be served again.
    func next(for key: ReplayKey, keeping: Bool) -> Place? {
        queues.withLock { queues in
            guard let queue = queues[key], queue.next < queue.places.count else { return nil }
            if !keeping { queues[key]?.next += 1 }
            return queue.places[queue.next]
        }
    }

    /// - Throws: when the file has changed there.
    func flow(at place: Place) throws(FlowFileError) -> JSONValue {
        let file = files[place.file]
        let entry = file.entries[place.entry]
        let flow = try file.flow(entry)
        guard matching.key(of: flow["request"] ?? .null) == entry.note.key, RecordedResponse.fault(of: flow) == nil
        else {
            throw FlowFileError("\(file.path): \(entry.place): has changed since it was read")
        }
        return flow
    }

    private func isOf(_ others: [RecordedFlows<Note>]) -> Bool {
        files.map(\.path) == others.map(\.path) && files.map(\.stamp) == others.map(\.stamp)
    }

    private var used: Set<Place> {
        queues.withLock { formerlyUsed.union($0.values.flatMap { $0.places[..<$0.next] }) }
    }
}

import AddonProtocol
import NIOCore
import ProxyCodecs

/// Shows a streamed body to the addons in chunks, as `request_data` or `response_data`.
///
/// Each addon sees what the one before it made of a chunk. The next chunk follows when the last has passed all addons.
/// Confined to the flow's loop.
final class BodyChunks {
    private let event: Event
    private let flow: HTTPFlow
    private let dispatcher: Dispatcher
    private let loop: LoopContext
    private let interruption: Interruption
    /// The offset of the present chunk in the original body.
    private var position = 0
    /// How many bytes have been forwarded.
    private(set) var byteCount = 0
    private var progress: [ObjectIdentifier: Progress] = [:]

    /// How much of the body one addon has been shown.
    private struct Progress {
        /// How many bytes the addon has been shown.
        var offset: Int
        /// Whether it does not want to see the rest of this body, or any of it.
        var hasLeft = false
    }

    init(
        _ event: Event,
        of flow: HTTPFlow,
        _ dispatcher: Dispatcher,
        on loop: LoopContext,
        _ interruption: Interruption
    ) {
        self.event = event
        self.flow = flow
        self.dispatcher = dispatcher
        self.loop = loop
        self.interruption = interruption
    }

    /// How the body is framed: without a length when an addon may change it; nil means the original framing.
    var length: OutgoingBody? {
        (dispatcher.plan[event]?.enforcing ?? []).contains(where: isShown) ? .stream : nil
    }

    /// Returns what to forward in place of `data`, without empty chunks.
    func pass(_ data: ByteBuffer) async throws(FlowError) -> [ByteBuffer] {
        var rest = data
        var result: [ByteBuffer] = []
        while let chunk = rest.readSlice(length: min(rest.readableBytes, Limits.bodyChunk)), chunk.readableBytes > 0 {
            result += try await pass([chunk], isEnd: false)
            position += chunk.readableBytes
        }
        return result
    }

    /// Shows the end of the body, as a chunk without data, and returns what to forward in its place.
    func end() async throws(FlowError) -> [ByteBuffer] {
        try await pass([], isEnd: true)
    }

    private func pass(_ data: [ByteBuffer], isEnd: Bool) async throws(FlowError) -> [ByteBuffer] {
        let chunks = try await changed(data, isEnd: isEnd)
        for chunk in chunks { byteCount += chunk.readableBytes }
        return chunks
    }

    /// Returns what the addons make of the chunks.
    private func changed(_ data: [ByteBuffer], isEnd: Bool) async throws(FlowError) -> [ByteBuffer] {
        guard let route = dispatcher.plan[event] else { return data }
        var chunks = data
        var isStopped = false
        for subscriber in route.enforcing where isShown(subscriber) {
            var made: [ByteBuffer] = []
            for chunk in shown(chunks, subscriber, isEnd: isEnd) {
                if hasLeft(subscriber) {
                    // The addon left at an earlier chunk.
                } else if isStopped {
                    dispatcher.tell(subscriber, event, alone: chunk, on: loop)
                } else if let action = try await dispatcher.ask(subscriber, event, alone: chunk, on: loop, interruption)
                {
                    isStopped = isStopped || action.stops
                    if chunk.isLast { progress[ObjectIdentifier(subscriber.seat)]?.hasLeft = true }
                    made += chunk.replacement
                    continue
                }
                made.append(chunk.data)
            }
            chunks = made.filter { $0.readableBytes > 0 }
        }
        for subscriber in route.observing where isShown(subscriber) {
            for chunk in shown(chunks, subscriber, isEnd: isEnd) {
                dispatcher.tell(subscriber, event, alone: chunk, on: loop)
            }
        }
        return chunks
    }

    /// Whether the addon sees the next chunk. Its filter decides once, before the first chunk, for the whole body.
    private func isShown(_ subscriber: DispatchPlan.Subscriber) -> Bool {
        let session = ObjectIdentifier(subscriber.seat)
        if let known = progress[session] { return !known.hasLeft }
        let isWanted = subscriber.wants(flow)
        progress[session] = Progress(offset: position, hasLeft: !isWanted)
        return isWanted
    }

    private func hasLeft(_ subscriber: DispatchPlan.Subscriber) -> Bool {
        progress[ObjectIdentifier(subscriber.seat)]?.hasLeft ?? false
    }

    /// The chunks as events for this subscriber. The end is always shown, even without data.
    private func shown(
        _ chunks: [ByteBuffer],
        _ subscriber: DispatchPlan.Subscriber,
        isEnd: Bool
    ) -> [BodyChunk] {
        let session = ObjectIdentifier(subscriber.seat)
        var offset = progress[session]?.offset ?? position
        let all = isEnd && chunks.isEmpty ? [ByteBuffer()] : chunks
        let shown = all.enumerated().map { index, data in
            defer { offset += data.readableBytes }
            return BodyChunk(of: flow, data, offset: offset, isEnd: isEnd && index == all.count - 1)
        }
        progress[session, default: Progress(offset: 0)].offset = offset
        return shown
    }
}

/// The subject of one `request_data` or `response_data` event.
final class BodyChunk: EventSubject {
    private let flow: HTTPFlow
    let data: ByteBuffer
    private let offset: Int
    private let isEnd: Bool
    /// What the addon puts in its place.
    private(set) var replacement: [ByteBuffer]
    /// Whether the addon wants to see no more of this body.
    private(set) var isLast = false

    init(of flow: HTTPFlow, _ data: ByteBuffer, offset: Int, isEnd: Bool) {
        self.flow = flow
        self.data = data
        self.offset = offset
        self.isEnd = isEnd
        replacement = [data]
    }

    var flowID: String? { flow.id }
    var liveFlow: (any LiveFlow)? { flow }
    var contentByteCount: Int { data.readableBytes }

    func waits(for addon: String?, at event: Event) {
        flow.waits(for: addon, at: event)
    }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flow")
        writer.beginObject()
        writer.field("id", flow.id)
        writer.endObject()
        writer.key("data")
        data.withUnsafeReadableBytes { writer.bytes($0) }
        writer.key("offset")
        writer.integer(offset)
        writer.key("end")
        writer.bool(isEnd)
    }

    /// A reply only counts if all its members can be applied. If one is refused after this, the chunk is sent
    /// unchanged.
    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        switch name {
        case "data":
            replacement = try chunks(patch)
        case "rest":
            guard patch == "original" else {
                throw PatchRefusal(name, "found \(patch.shortText); allowed: \"original\"")
            }
            isLast = true
        case "flow", "offset", "end":
            guard patch.pruned(against: sent()) == nil else { throw .readOnly(name) }
        default:
            throw PatchRefusal(name, "no such argument; allowed: data, rest, action, stop")
        }
        return false
    }

    private func chunks(_ value: JSONValue) throws(PatchRefusal) -> [ByteBuffer] {
        guard let list = value.arrayValue else { return [try value.byteBuffer(at: "data")] }
        var chunks: [ByteBuffer] = []
        for (index, chunk) in list.enumerated() {
            chunks.append(try chunk.byteBuffer(at: "data[\(index)]"))
        }
        return chunks
    }
}

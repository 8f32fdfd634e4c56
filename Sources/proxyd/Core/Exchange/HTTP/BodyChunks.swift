import AddonProtocol
import NIOCore
import ProxyCodecs

/// Shows a body that goes by to the addons, chunk by chunk, as `request_data` or `response_data`.
///
/// Each addon sees what the one before it made, and the next chunk comes when the last has passed them all.
/// Confined to the flow's loop.
final class BodyChunks {
    private let event: Event
    private let flow: HTTPFlow
    private let dispatcher: Dispatcher
    private let loop: LoopContext
    private let interruption: Interruption
    /// Bytes that came before the chunk that is passed now.
    private var position = 0
    /// How many bytes have gone on.
    private(set) var byteCount = 0
    private var progress: [ObjectIdentifier: Progress] = [:]

    private struct Progress {
        /// How many bytes the addon has been shown.
        var offset: Int
        /// Whether it wants to see no more of this body, or none of it.
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

    /// How the body is announced: without a length when an addon may change it, nil for that of the original.
    var length: OutgoingBody? {
        (dispatcher.plan[event]?.enforcing ?? []).contains(where: isShown) ? .stream : nil
    }

    /// What goes on in place of `data`. Empty chunks are left out.
    func pass(_ data: ByteBuffer) async throws(FlowError) -> [ByteBuffer] {
        var rest = data
        var result: [ByteBuffer] = []
        while let chunk = rest.readSlice(length: min(rest.readableBytes, Limits.bodyChunk)), chunk.readableBytes > 0 {
            result += try await pass([chunk], isEnd: false)
            position += chunk.readableBytes
        }
        return result
    }

    /// Shows the end of the body, a chunk without data; what goes on in its place.
    func end() async throws(FlowError) -> [ByteBuffer] {
        try await pass([], isEnd: true)
    }

    private func pass(_ data: [ByteBuffer], isEnd: Bool) async throws(FlowError) -> [ByteBuffer] {
        let chunks = try await changed(data, isEnd: isEnd)
        for chunk in chunks { byteCount += chunk.readableBytes }
        return chunks
    }

    /// What the addons make of it.
    private func changed(_ data: [ByteBuffer], isEnd: Bool) async throws(FlowError) -> [ByteBuffer] {
        guard let route = dispatcher.plan[event] else { return data }
        var chunks = data
        var isStopped = false
        for subscriber in route.enforcing where isShown(subscriber) {
            var made: [ByteBuffer] = []
            for chunk in shown(chunks, subscriber, isEnd: isEnd) {
                if hasLeft(subscriber) {
                    // It left at an earlier one of these chunks.
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

    /// Whether the addon is shown the next chunk. Its filter decides once, before the first, about the whole body.
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

    /// The chunks as events of this subscriber. The end is told even when there is nothing left to go with it.
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

/// The subject of one `request_data` or `response_data`.
final class BodyChunk: EventSubject {
    private let flow: HTTPFlow
    let data: ByteBuffer
    private let offset: Int
    private let isEnd: Bool
    /// What the addon puts in its place.
    private(set) var replacement: [ByteBuffer]
    /// Whether it wants to see no more of this body.
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

    /// A reply counts only if all its members can be applied, so a refusal after this leaves the chunk to be sent as
    /// it was.
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

import AddonProtocol

/// Records which addon changed what in a flow, and at which event. Beyond the limits, the oldest changes are forgotten.
struct ChangeLog {
    /// One change.
    struct Entry {
        let addon: String
        /// An event's name, or `flow.update`.
        let event: String
        /// Whether an auditing addon only proposed the change.
        let isAudit: Bool
        /// The parts that the patch names, before and after the change.
        let before: Excerpt
        let after: Excerpt

        fileprivate var byteCount: Int { before.byteCount + after.byteCount }
    }

    /// A part of a flow as it was at some time. It is written out only on request, since most flows are never asked
    /// about.
    struct Excerpt {
        /// What an excerpt holds.
        enum Content {
            /// A single message, as in most changes of message flows.
            case message(FlowMessage)
            /// Header fields of a request or response, as in most changes of HTTP flows.
            case headers(Message, HeaderFields)
            /// Anything else; the closure writes the members.
            case other((inout JSONWriter) -> Void)
        }

        /// A message of an exchange.
        enum Message {
            case request
            case response
        }

        /// How much memory the entry takes, in bytes.
        let byteCount: Int
        let content: Content

        var json: [UInt8] {
            var writer = JSONWriter()
            writer.beginObject()
            switch content {
            case .message(let message): message.write(into: &writer)
            case .headers(let message, let fields):
                writer.key(message == .request ? "request" : "response")
                writer.beginObject()
                writer.key("headers")
                writer.headers(fields)
                writer.endObject()
            case .other(let write): write(&writer)
            }
            writer.endObject()
            return writer.bytes
        }
    }

    /// A refused patch.
    struct Rejection: Sendable {
        let addon: String
        /// An event's name, or `flow.update`.
        let event: String
        let path: String
        let reason: String

        fileprivate var json: JSONValue {
            ["addon": .string(addon), "event": .string(event), "path": .string(path), "reason": .string(reason)]
        }
    }

    private(set) var entries: [Entry] = []
    private var byteCount = 0
    /// The addons whose changes are forgotten.
    private var forgotten: [String] = []
    private var rejections: [Rejection] = []

    /// Records a refused patch.
    mutating func reject(_ refusal: PatchRefusal, of addon: String, at event: String) {
        if rejections.count >= Limits.changesOfFlow { rejections.removeFirst() }
        rejections.append(
            Rejection(
                addon: addon,
                event: event,
                path: refusal.path.shortened(toBytes: Limits.changedBodyBytes),
                reason: refusal.reason.shortened(toBytes: Limits.changedBodyBytes)
            )
        )
    }

    /// Records a change.
    mutating func append(_ entry: Entry) {
        entries.append(entry)
        byteCount += entry.byteCount
        while entries.count > Limits.changesOfFlow || (byteCount > Limits.changeBytesOfFlow && !entries.isEmpty) {
            let oldest = entries.removeFirst()
            byteCount -= oldest.byteCount
            oldest.noteAddon(in: &forgotten)
        }
    }

    /// The addons that changed the flow, in the order of their first change.
    var addons: [String] { entries.reduce(into: forgotten) { $1.noteAddon(in: &$0) } }

    /// The `changes` of `flow.blame`, oldest first.
    var json: JSONValue {
        .array(entries.flatMap { entry in entry.differences.map { $0.json(of: entry) } })
    }

    /// The `rejected` of `flow.blame`, oldest first.
    var rejected: JSONValue { .array(rejections.map(\.json)) }
}

extension ChangeLog.Entry {
    fileprivate func noteAddon(in addons: inout [String]) {
        guard !isAudit, addons.count < Limits.changersOfFlow, !addons.contains(addon) else { return }
        addons.append(addon)
    }

    var differences: [FieldChange] {
        let before = (try? JSONReader.read(before.json)) ?? .null
        let after = (try? JSONReader.read(after.json)) ?? .null
        return FieldChange.between(before, after, at: "")
    }
}

/// A single difference between two snapshots.
struct FieldChange: Equatable {
    var path: String
    var before: JSONValue
    var after: JSONValue

    /// Members that are derived from others.
    private static let derived: Set<String> = ["content_size", "content_complete", "rev", "url"]

    /// The differences between two values, by path.
    static func between(_ before: JSONValue, _ after: JSONValue, at path: String) -> [FieldChange] {
        guard before != after else { return [] }
        if path.hasSuffix("headers") || path.hasSuffix("trailers") {
            let fields = betweenFields(before, after, at: path)
            if !fields.isEmpty { return fields }
        }
        guard let old = before.members, let new = after.members else {
            return [FieldChange(path: path, before: before, after: after)]
        }
        let names = new.map(\.name) + old.map(\.name).filter { after[$0] == nil }
        return names.filter { !derived.contains($0) }.flatMap { name in
            between(before[name] ?? .null, after[name] ?? .null, at: path.isEmpty ? name : "\(path).\(name)")
        }
    }

    /// Compares by field name; nothing when only order or case differ.
    private static func betweenFields(_ before: JSONValue, _ after: JSONValue, at path: String) -> [FieldChange] {
        let (old, new) = (valuesByName(before), valuesByName(after))
        let names = Set(old.keys).union(new.keys).sorted()
        return names.filter { old[$0] != new[$0] }.map { name in
            FieldChange(path: "\(path).\(name)", before: value(old[name]), after: value(new[name]))
        }
    }

    private static func valuesByName(_ fields: JSONValue) -> [String: [JSONValue]] {
        var result: [String: [JSONValue]] = [:]
        for field in fields.arrayValue ?? [] {
            guard let pair = field.arrayValue, pair.count == 2 else { continue }
            let name = String(decoding: pair[0].bytesValue ?? [], as: UTF8.self).lowercased()
            result[name, default: []].append(pair[1])
        }
        return result
    }

    /// The values as a `headers` patch sets them: null, a single value, or a list.
    private static func value(_ values: [JSONValue]?) -> JSONValue {
        guard let values else { return .null }
        return values.count == 1 ? values[0] : .array(values)
    }

    fileprivate func json(of entry: ChangeLog.Entry) -> JSONValue {
        [
            "addon": .string(entry.addon), "event": .string(entry.event), "path": .string(path), "before": before,
            "after": after, "audit": .bool(entry.isAudit),
        ]
    }
}

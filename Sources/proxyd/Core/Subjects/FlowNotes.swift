import AddonProtocol

/// Notes that addons attach to a flow for each other and for users. They do not affect traffic.
struct FlowNotes: Equatable, Sendable {
    var marked = ""
    var comment = ""
    private(set) var metadata: [JSONValue.Member] = []
    /// How much memory the metadata takes, in bytes.
    private var metadataBytes = 0

    /// Roughly how much memory the notes take, in bytes.
    var byteCount: Int { marked.utf8.count + comment.utf8.count + metadataBytes }

    /// Applies one member of a flow's patch.
    ///
    /// - Returns: whether the member is one of the notes.
    mutating func apply(_ member: JSONValue.Member, _ limits: FlowLimits) throws(PatchRefusal) -> Bool {
        switch member.name {
        case "marked":
            marked = try member.value.string(at: "flow.marked")
            try Self.check(marked.utf8.count, limits, at: "flow.marked")
        case "comment":
            comment = try member.value.string(at: "flow.comment")
            try Self.check(comment.utf8.count, limits, at: "flow.comment")
        case "metadata":
            let entries = try member.value.object(at: "flow.metadata")
            try Self.check(member.value.textByteCount, limits, at: "flow.metadata")
            set(entries)
            try Self.check(JSONValue.object(metadata).encoded().count, limits, at: "flow.metadata")
        default: return false
        }
        return true
    }

    private static func check(_ count: Int, _ limits: FlowLimits, at path: String) throws(PatchRefusal) {
        guard count > limits.metadataBytes else { return }
        throw PatchRefusal(path, "has \(count) bytes; metadata_limit is \(limits.metadataBytes)")
    }

    /// Sets an entry of the metadata; null removes it.
    mutating func set(_ entry: JSONValue.Member) {
        set([entry])
    }

    private mutating func set(_ entries: [JSONValue.Member]) {
        for entry in entries {
            metadata.removeAll { $0.name == entry.name }
            if !entry.value.isNull { metadata.append(entry) }
        }
        metadataBytes = JSONValue.object(metadata).memoryByteCount
    }

    /// The metadata as filters search it: one `name: value` line per entry.
    var metadataLines: String {
        metadata.map { "\($0.name): \($0.value.stringValue ?? $0.value.text)" }.joined(separator: "\n")
    }

    /// Writes the notes that the snapshot includes.
    func write(_ fields: SnapshotFields, into writer: inout JSONWriter) {
        if fields.contains(.marked) { writer.field("marked", marked) }
        if fields.contains(.comment) { writer.field("comment", comment) }
        guard fields.contains(.metadata) else { return }
        writer.key("metadata")
        writer.value(.object(metadata))
    }

    /// Roughly how much memory these fields take, in bytes.
    func byteCount(of fields: SnapshotFields) -> Int {
        marked.utf8.count + comment.utf8.count + (fields.contains(.metadata) ? metadataBytes : 0)
    }
}

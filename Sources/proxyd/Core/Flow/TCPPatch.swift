import AddonProtocol
import NIOCore

/// The gate for all changes of a TCP flow. It checks them on copies.
struct TCPPatch {
    private(set) var notes: FlowNotes
    private(set) var message: TCPMessage?
    private let limits: FlowLimits

    init(notes: FlowNotes, message: TCPMessage?, limits: FlowLimits) {
        self.notes = notes
        self.message = message
        self.limits = limits
    }

    /// Applies the patch of the argument `name`, completely or not at all.
    ///
    /// - Parameters:
    /// - view: the parts of the flow that the addon was sent.
    /// - sent: the argument as it was sent.
    /// - Returns: whether anything changed.
    mutating func apply(
        _ patch: JSONValue,
        of name: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        guard name == "flow" else { throw PatchRefusal(name, "no such argument; allowed: flow, action, stop") }
        let changed =
            if view.body == .full, let changed = try? applied(patch, sent: nil) {
                changed
            } else {
                // An addon may answer with the whole snapshot, changed in one place.
                try applied(patch, sent: sent())
            }
        let isSame =
            changed.notes == notes && changed.message?.content == message?.content
            && changed.message?.dropped == message?.dropped
        self = changed
        return !isSame
    }

    private func applied(_ patch: JSONValue, sent: JSONValue?) throws(PatchRefusal) -> TCPPatch {
        var result = self
        for member in try patch.object(at: "flow") {
            if try result.notes.apply(member, limits) { continue }
            switch member.name {
            case "messages": try result.applyMessages(member.value, sent: sent?["messages"])
            case _ where member.value.pruned(against: sent?[member.name] ?? .null) == nil: break
            case _ where sent?[member.name] != nil: throw .readOnly("flow." + member.name)
            default:
                throw PatchRefusal("flow." + member.name, "no such field; allowed: messages, marked, comment, metadata")
            }
        }
        return result
    }

    private mutating func applyMessages(_ patch: JSONValue, sent: JSONValue?) throws(PatchRefusal) {
        let path = "flow.messages"
        guard patch.pruned(against: sent ?? .null) != nil else { return }
        guard message != nil else {
            throw PatchRefusal(path, "no message is with the addons now", comesTooLate: true)
        }
        guard let patches = patch.arrayValue, patches.count == 1 else {
            throw PatchRefusal(path, "found \(patch.shortText); allowed: a list with the patch of one message")
        }
        let current = sent?.arrayValue?.first ?? .null
        guard let changes = patches[0].pruned(against: current) else { return }
        for member in try changes.object(at: path + "[0]") {
            var place: String { "\(path)[0].\(member.name)" }
            switch member.name {
            case "content": message?.content = try member.value.byteBuffer(at: place)
            case "dropped": message?.dropped = try member.value.bool(at: place)
            default:
                throw current[member.name] != nil
                    ? .readOnly(place) : PatchRefusal(place, "no such field; allowed: content, dropped")
            }
        }
    }
}

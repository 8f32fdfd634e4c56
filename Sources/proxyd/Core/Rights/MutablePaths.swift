import AddonProtocol

/// The parts of an event that a reply may change, when they are limited: paths such as `request.headers`, which include
/// what is below them, or `action` and `stop`.
struct MutablePaths: Sendable, Equatable {
    private let paths: [String]

    init(_ paths: [String]) {
        self.paths = paths
    }

    /// - Parameters:
    /// - patch: the patch of one argument.
    /// - sent: the argument as it was sent to the addon.
    func check(_ patch: JSONValue.Member, sent: JSONValue) throws(PatchRefusal) {
        guard let change = patch.value.pruned(against: sent) else { return }
        try check(change, at: patch.name, as: patch.name == "flow" ? "" : patch.name)
    }

    /// Checks a part of a reply that is not a patch: `action` or `stop`.
    func check(_ name: String) throws(PatchRefusal) {
        guard allow(name) else { throw refusal(name) }
    }

    /// Descends as far as needed to see that the whole change is allowed, or that some of it is not.
    private func check(_ change: JSONValue, at place: String, as path: String) throws(PatchRefusal) {
        guard !allow(path) else { return }
        guard let members = change.members, leadsToAllowed(path) else { throw refusal(place) }
        for member in members {
            let name = path.isEmpty ? member.name : "\(path).\(member.name)"
            try check(member.value, at: "\(place).\(member.name)", as: name)
        }
    }

    private func allow(_ path: String) -> Bool {
        paths.contains { path == $0 || path.hasPrefix($0 + ".") }
    }

    private func leadsToAllowed(_ path: String) -> Bool {
        path.isEmpty || paths.contains { $0.hasPrefix(path + ".") }
    }

    private func refusal(_ place: String) -> PatchRefusal {
        PatchRefusal(place, "this addon may change only \(paths.joined(separator: ", "))")
    }
}

import AddonProtocol

/// The fields that a patch names, and so may change: what `flow.blame` shows of a flow before and after it.
struct NamedFields {
    let fields: SnapshotFields
    private let patch: JSONValue

    init(_ patch: JSONValue) {
        self.patch = patch
        fields = SnapshotFields(named: patch)
    }

    /// The header fields of a request that the patch names; all of them if the Host field may follow from the rest of
    /// the patch.
    func headers(ofRequest all: HeaderFields) -> HeaderFields {
        fields.contains(.host) ? all : named(by: patch["request"]?["headers"], in: all)
    }

    /// The header fields of a response that the patch names.
    func headers(ofResponse all: HeaderFields) -> HeaderFields {
        named(by: patch["response"]?["headers"], in: all)
    }

    /// - Parameter patch: an object with names of fields; anything else means all fields.
    private func named(by patch: JSONValue?, in all: HeaderFields) -> HeaderFields {
        guard let members = patch?.members else { return all }
        var named = HeaderFields()
        for index in 0..<all.count where members.contains(where: { all.isNamed($0.name.utf8, at: index) }) {
            named.append(name: all.name(at: index), value: all.value(at: index))
        }
        return named
    }
}

import AddonProtocol

/// What a patch names and so may change: what `flow.blame` shows of a flow before it and after it.
struct NamedFields {
    let fields: SnapshotFields
    private let patch: JSONValue

    init(_ patch: JSONValue) {
        self.patch = patch
        fields = SnapshotFields(named: patch)
    }

    /// Of a request's header fields those that the patch names; all, where the Host field may follow from the rest of it.
    func headers(ofRequest all: HeaderFields) -> HeaderFields {
        fields.contains(.host) ? all : named(by: patch["request"]?["headers"], in: all)
    }

    /// The same of a response.
    func headers(ofResponse all: HeaderFields) -> HeaderFields {
        named(by: patch["response"]?["headers"], in: all)
    }

    /// - Parameter patch: an object with the names of fields; anything else stands for them all.
    private func named(by patch: JSONValue?, in all: HeaderFields) -> HeaderFields {
        guard let members = patch?.members else { return all }
        var named = HeaderFields()
        for index in 0..<all.count where members.contains(where: { all.isNamed($0.name.utf8, at: index) }) {
            named.append(name: all.name(at: index), value: all.value(at: index))
        }
        return named
    }
}

import AddonProtocol

/// Sets and removes members of a JSON document. Each path consists of names and indexes separated by dots; `*` means all.
struct JSONEdit: Sendable {
    enum Step: Sendable, Equatable {
        case name(String)
        case all
    }

    struct Change: Sendable {
        let path: [Step]
        /// nil: the member is removed.
        let value: JSONValue?
        /// The size of the value, in bytes.
        fileprivate let size: Int

        init(path: [Step], value: JSONValue?) {
            (self.path, self.value) = (path, value)
            size =
                value.map { value in
                    var writer = JSONWriter()
                    writer.value(value)
                    return writer.bytes.count
                } ?? 0
        }
    }

    let changes: [Change]

    /// The deepest nesting of a document.
    static let depth = 512
    private static let longestPath = 64

    /// Parses `a.b.0`; a backslash quotes the next character. Nil when a step is empty, or there are more than 64.
    static func path(_ text: String) -> [Step]? {
        var (steps, step, isEscaped, hasEscape) = ([Step](), "", false, false)
        for character in text + "." {
            switch character {
            case _ where isEscaped:
                step.append(character)
                (isEscaped, hasEscape) = (false, true)
            case "\\": isEscaped = true
            case ".":
                guard !step.isEmpty else { return nil }
                steps.append(step == "*" && !hasEscape ? .all : .name(step))
                (step, hasEscape) = ("", false)
            default: step.append(character)
            }
        }
        return step.isEmpty && !isEscaped && steps.count <= longestPath ? steps : nil
    }

    /// - Returns: nil when the content is not an object or list, or nothing changes.
    func applied(to content: [UInt8]) throws(ActionFailure) -> [UInt8]? {
        guard let document = try? JSONReader.read(content, maximumDepth: Self.depth),
            document.members != nil || document.arrayValue != nil
        else { return nil }
        var (edited, room) = (document, Content.sizeLimit)
        for change in changes {
            Self.apply(change, at: change.path[...], to: &edited, &room)
            guard room >= 0 else {
                throw ActionFailure("the JSON would grow by more than \(Content.sizeLimit) bytes, and is unchanged")
            }
        }
        guard edited != document else { return nil }
        var writer = JSONWriter()
        writer.value(edited)
        guard Content.fitsFrame(writer.bytes) else {
            throw ActionFailure("the JSON would be too large for an addon, and is unchanged")
        }
        return writer.bytes
    }

    /// Creates the objects that names on the path need. An index beyond a list changes nothing.
    ///
    /// - Parameter room: how many bytes of values may still be set; when it is negative, nothing is.
    private static func apply(
        _ change: Change,
        at path: ArraySlice<Step>,
        to document: inout JSONValue,
        _ room: inout Int
    ) {
        guard let step = path.first, room >= 0 else { return }
        let rest = path.dropFirst()
        switch (document, step) {
        case (.array(let elements), _):
            let indexes = Set(step.indexes(in: elements))
            var edited: [JSONValue] = []
            for (index, element) in elements.enumerated() {
                let new = indexes.contains(index) ? value(change, rest, insteadOf: element, &room) : element
                if let new { edited.append(new) }
            }
            document = .array(edited)
        case (.object(let members), .all):
            var edited: [JSONValue.Member] = []
            for member in members {
                if let new = value(change, rest, insteadOf: member.value, &room) {
                    edited.append(.init(member.name, new))
                }
            }
            document = .object(edited)
        case (_, .name(let name)):
            guard document.members != nil || change.value != nil else { return }
            var members = document.members ?? []
            let index = members.firstIndex { $0.name == name }
            guard index != nil || change.value != nil else { return }
            let new = value(change, rest, insteadOf: index.map { members[$0].value } ?? .object([]), &room)
            switch (index, new) {
            case (let index?, let new?): members[index].value = new
            case (let index?, nil): members.remove(at: index)
            case (nil, let new?): members.append(.init(name, new))
            case (nil, nil): break
            }
            document = .object(members)
        default: break
        }
    }

    /// - Returns: nil: the value is removed.
    private static func value(
        _ change: Change,
        _ rest: ArraySlice<Step>,
        insteadOf former: JSONValue,
        _ room: inout Int
    ) -> JSONValue? {
        guard rest.isEmpty else {
            var inner = former
            apply(change, at: rest, to: &inner, &room)
            return inner
        }
        room -= change.size
        return change.value
    }
}

extension JSONEdit.Step {
    fileprivate func indexes(in elements: [JSONValue]) -> [Int] {
        switch self {
        case .all: Array(elements.indices)
        case .name(let name):
            Int(name).map { $0 < 0 ? $0 + elements.count : $0 }.flatMap { elements.indices.contains($0) ? [$0] : nil }
                ?? []
        }
    }
}

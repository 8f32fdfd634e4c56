import AddonProtocol

/// Sets and removes members of a JSON document, each by its path: names and indexes with dots between them, `*` for all.
struct JSONEdit: Sendable {
    enum Step: Sendable, Equatable {
        case name(String)
        case all
    }

    struct Change: Sendable {
        let path: [Step]
        /// nil: it is removed.
        let value: JSONValue?
    }

    let changes: [Change]

    /// How deep a document may nest.
    static let depth = 512
    private static let longestPath = 64

    /// `a.b.0`; a backslash takes the next character as it is. Nil when a step is empty, and beyond 64 steps.
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

    /// - Returns: nil when this is no JSON, or nothing changes.
    func applied(to content: [UInt8]) -> [UInt8]? {
        guard let document = try? JSONReader.read(content, maximumDepth: Self.depth) else { return nil }
        var edited = document
        for change in changes { Self.apply(change.value, at: change.path[...], to: &edited) }
        guard edited != document else { return nil }
        var writer = JSONWriter()
        writer.value(edited)
        return writer.bytes
    }

    /// Where there is no object for a name, there is one then; an index that a list does not have is left.
    private static func apply(_ value: JSONValue?, at path: ArraySlice<Step>, to document: inout JSONValue) {
        guard let step = path.first else { return }
        let rest = path.dropFirst()
        switch (document, step) {
        case (.array(var elements), _):
            let indexes = step.indexes(in: elements)
            for index in indexes.reversed() {
                if !rest.isEmpty {
                    apply(value, at: rest, to: &elements[index])
                } else if let value {
                    elements[index] = value
                } else {
                    elements.remove(at: index)
                }
            }
            document = .array(elements)
        case (.object(let members), .all):
            for member in members { apply(value, at: [.name(member.name)] + rest, to: &document) }
        case (_, .name(let name)):
            setMember(name, value, rest, of: &document)
        default: break
        }
    }

    private static func setMember(
        _ name: String,
        _ value: JSONValue?,
        _ rest: ArraySlice<Step>,
        of document: inout JSONValue
    ) {
        guard document.members != nil || value != nil else { return }
        var members = document.members ?? []
        let index = members.firstIndex { $0.name == name }
        if !rest.isEmpty {
            guard index != nil || value != nil else { return }
            var inner = index.map { members[$0].value } ?? .object([])
            apply(value, at: rest, to: &inner)
            if let index { members[index].value = inner } else { members.append(.init(name, inner)) }
        } else if let value {
            if let index { members[index].value = value } else { members.append(.init(name, value)) }
        } else if let index {
            members.remove(at: index)
        }
        document = .object(members)
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

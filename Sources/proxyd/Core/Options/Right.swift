import AddonProtocol

/// One right, as `attached_rights` and `grants` write it: `flows.read`, `shutdown`, `addon.add`,
/// `events=request,response`, `mutate=request.headers`, `mutate=false`. A leading `-` takes it away.
struct Right: Sendable, Equatable {
    enum Group: String, CaseIterable, Sendable {
        case events
        case mutate
        case flowsRead = "flows.read"
        case flowsWrite = "flows.write"
        case options
        case addons
        case shutdown
    }

    enum Subject: Sendable, Equatable {
        case group(Group)
        /// One call of a group.
        case call(String)
        case events([Event])
        case mutations([String])
    }

    let text: String
    let subject: Subject
    let isTakenAway: Bool

    static let allowed = """
        events, mutate, flows.read, flows.write, options, addons, shutdown, a call's name, events=NAME,NAME… (also \
        with *), mutate=PATH,PATH… or mutate=false
        """

    /// All that there are.
    static let all = Group.allCases.map(Right.init)

    private init(_ group: Group) {
        text = group.rawValue
        subject = .group(group)
        isTakenAway = false
    }

    /// Nil when the text is not a right.
    init?(parsing text: String) {
        self.text = text
        let name = text.hasPrefix("-") ? String(text.dropFirst()) : text
        let parts = name.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 {
            guard !text.hasPrefix("-") else { return nil }
            let values = parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            if parts == ["mutate", "false"] {
                (subject, isTakenAway) = (.group(.mutate), true)
            } else if parts[0] == "events", values.allSatisfy({ !Event.matching($0).isEmpty }) {
                (subject, isTakenAway) = (.events(values.flatMap { Event.matching($0) }), false)
            } else if parts[0] == "mutate", values.allSatisfy(Self.isPath) {
                (subject, isTakenAway) = (.mutations(values), false)
            } else {
                return nil
            }
            return
        }
        isTakenAway = text.hasPrefix("-")
        if let group = Group(rawValue: name) {
            subject = .group(group)
        } else if Group.of(call: name) != nil {
            subject = .call(name)
        } else {
            return nil
        }
    }

    /// Whether the text has the form of a mutable path: lower-case words separated by dots.
    private static func isPath(_ text: String) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { word in
            !word.isEmpty && word.utf8.allSatisfy { (0x61...0x7a).contains($0) || $0 == UInt8(ascii: "_") }
        }
    }
}

extension Right.Group {
    /// The right that a call needs; nil: none, or there is no such call.
    static func of(call: String) -> Right.Group? {
        switch call {
        case "flow.list", "flow.get", "flow.body", "flow.messages", "flow.blame", "flow.subscribe", "flow.unsubscribe",
            "hold.list", "tap.start", "tap.stop":
            .flowsRead
        case "flow.update", "flow.forget", "flow.resume", "flow.kill", "flow.replay", "flow.create", "inject.tcp",
            "inject.websocket":
            .flowsWrite
        case "options.set": .options
        case "addon.add", "addon.remove", "addon.reload", "command.call": .addons
        case "shutdown": .shutdown
        default: nil
        }
    }
}

extension OptionKind where Value == [Right] {
    static var rights: Self {
        .list(
            allowed: "a list of rights: \(Right.allowed)",
            parse: { text in Right(parsing: text).flatMap { $0.isTakenAway ? nil : $0 } },
            text: \.text
        )
    }
}

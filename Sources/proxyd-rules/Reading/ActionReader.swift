import AddonProtocol

/// Reads one kind of action from a file.
struct ActionReader: Sendable {
    let name: String
    let read: @Sendable (RuleValue) throws(RuleError) -> [RuleAction]

    init(_ name: String, _ read: @escaping @Sendable (RuleValue) throws(RuleError) -> [RuleAction]) {
        self.name = name
        self.read = read
    }

    /// All kinds, in the order in which the actions of one rule run.
    static let all: [ActionReader] =
        notes + refusals + headers("", .request) + cookiesAndCaches + places + answers + headers("response-", .response)
        + speed + bodies
        + messages

    private static let notes = [
        ActionReader("mark") { value throws(RuleError) in [.mark(value.flag == true ? ":default:" : try value.text())]
        },
        ActionReader("comment") { value throws(RuleError) in [.comment(try value.text())] },
        ActionReader("delay") { value throws(RuleError) in [.delay(try delay(value))] },
    ]

    private static let cookiesAndCaches = [
        ActionReader("strip-cookies") { value throws(RuleError) in
            if value.flag == true { return [.stripCookies(CookieStripping(names: nil))] }
            return [.stripCookies(CookieStripping(names: Set(try texts(value, "true, or names of cookies"))))]
        },
        ActionReader("anticache") { value throws(RuleError) in try value.bool() ? [.askForWhole] : [] },
        ActionReader("anticomp") { value throws(RuleError) in try value.bool() ? [.askForPlain] : [] },
    ]

    private static let places = [
        ActionReader("map-remote") { value throws(RuleError) in [.mapRemote(.mapping(try URLReader.mapRemote(value)))]
        },
        ActionReader("map-local") { value throws(RuleError) in [.mapLocal(try AnswerReader.localMap(value))] },
    ]

    private static let refusals = [
        ActionReader("block") { value throws(RuleError) in [.refuse(try AnswerReader.refusal(value), nil)] },
        ActionReader("fail") { value throws(RuleError) in [try AnswerReader.failure(value)] },
    ]

    private static let answers = [
        ActionReader("respond") { value throws(RuleError) in [.respond(try AnswerReader.answer(value))] },
        ActionReader("redirect") { value throws(RuleError) in [.redirect(try URLReader.redirect(value))] },
    ]

    private static let speed = [
        ActionReader("throttle") { value throws(RuleError) in [.throttle(try throttle(value))] }
    ]

    private static func headers(_ side: String, _ place: RuleAction.Side) -> [ActionReader] {
        [
            ActionReader("remove-\(side)headers") { value throws(RuleError) in
                var changes: [HeaderEdit.Change] = []
                for name in value.oneOrMore { changes.append(.remove(try HeaderReader.name(name))) }
                return [.editHeaders(HeaderEdit(changes: changes), place)]
            },
            ActionReader("set-\(side)headers") { value throws(RuleError) in
                let fields = try HeaderReader.fields(value, takesNull: true)
                return [.editHeaders(HeaderEdit(changes: fields.map { .set($0.name, $0.values) }), place)]
            },
            ActionReader("add-\(side)headers") { value throws(RuleError) in
                let fields = try HeaderReader.fields(value, takesNull: false)
                return [.editHeaders(HeaderEdit(changes: fields.map { .add($0.name, $0.values) }), place)]
            },
        ]
    }

    private static let bodies = [("", RuleAction.Side.both), ("request-", .request), ("response-", .response)].flatMap {
        name,
        side in
        [
            ActionReader("replace-\(name)body") { value throws(RuleError) in
                try BodyReader.substitutions(value).map { .substitute($0, side) }
            },
            ActionReader("set-\(name)json") { value throws(RuleError) in
                [.editJSON(try BodyReader.jsonSetting(value), side)]
            },
            ActionReader("remove-\(name)json") { value throws(RuleError) in
                [.editJSON(try BodyReader.jsonRemoval(value), side)]
            },
        ]
    }

    private static let messages = [
        ActionReader("replace-message") { value throws(RuleError) in
            try BodyReader.substitutions(value).map { .substituteInMessage($0) }
        },
        ActionReader("set-message-json") { value throws(RuleError) in
            [.editJSONOfMessage(try BodyReader.jsonSetting(value))]
        },
        ActionReader("remove-message-json") { value throws(RuleError) in
            [.editJSONOfMessage(try BodyReader.jsonRemoval(value))]
        },
        ActionReader("delay-message") { value throws(RuleError) in [.delayMessage(try delay(value))] },
        ActionReader("drop-message") { value throws(RuleError) in try value.bool() ? [.dropMessage] : [] },
    ]

    static func texts(_ value: RuleValue, _ allowed: String) throws(RuleError) -> [String] {
        var texts: [String] = []
        for element in value.oneOrMore { texts.append(try element.text(allowed)) }
        return texts
    }

    private static func delay(_ value: RuleValue) throws(RuleError) -> Delay {
        guard value.isMapping else { return Delay(time: try value.duration(upTo: Delay.longest), jitter: .zero) }
        let members = try value.members(["time", "jitter"])
        guard let time = members["time"] else { throw value.fault("a delay needs time, such as 300ms") }
        let jitter = try members["jitter"].map { value throws(RuleError) in try value.duration(upTo: Delay.longest) }
        return Delay(time: try time.duration(upTo: Delay.longest), jitter: jitter ?? .zero)
    }

    private static func throttle(_ value: RuleValue) throws(RuleError) -> Throttle {
        guard value.isMapping else {
            let rate = try Self.rate(value)
            return Throttle(request: rate, response: rate)
        }
        let members = try value.members(["request", "response"])
        let throttle = Throttle(
            request: try members["request"].map { value throws(RuleError) in try rate(value) },
            response: try members["response"].map { value throws(RuleError) in try rate(value) }
        )
        guard !throttle.stages.isEmpty else {
            throw value.refused("request, response, or both, each in bytes a second")
        }
        return throttle
    }

    private static func rate(_ value: RuleValue) throws(RuleError) -> Int {
        try value.size(in: Throttle.slowest...(1 << 40), "bytes a second, from 8k on, such as 50k or 1m")
    }
}

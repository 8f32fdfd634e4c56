import AddonProtocol

/// Reads answers that clients get instead of the server's.
enum AnswerReader {
    private static let statuses = 200...999

    /// A status, a text, or `{status, headers, body, json}`.
    static func answer(_ value: RuleValue) throws(RuleError) -> Answer {
        var answer = Answer()
        guard value.isMapping else {
            if let status = value.scalar.flatMap({ Int($0) }), statuses.contains(status) {
                answer.status = status
            } else {
                answer.body = .bytes(
                    Array(try value.text("a status, a text, or a mapping with status, headers and body").utf8)
                )
            }
            return answer
        }
        let members = try value.members(["status", "headers", "body", "json"])
        if let status = members["status"] { answer.status = try status.integer(in: statuses, "a status") }
        if let headers = members["headers"] { answer.headers = try HeaderReader.fields(headers, takesNull: false) }
        if let body = members["body"] { (answer.body, answer.mediaType) = try self.body(body) }
        if let json = members["json"] {
            guard members["body"] == nil else { throw json.fault("body and json do not go together") }
            (answer.body, answer.mediaType) = (try self.json(json), "application/json")
        }
        return answer
    }

    /// A text, `{file: PATH}` or `{json: VALUE}`.
    private static func body(_ value: RuleValue) throws(RuleError) -> (Content, mediaType: String?) {
        guard value.isMapping else {
            return (.bytes(Array(try value.text("a text, or a mapping with file or json").utf8)), nil)
        }
        let members = try value.members(["file", "json"])
        if let json = members["json"], members.count == 1 { return (try self.json(json), "application/json") }
        guard let file = members["file"], members.count == 1 else { throw value.refused("either file or json") }
        let path = try self.file(file)
        return (.file(path), MediaTypes.ofFile(path))
    }

    private static func json(_ value: RuleValue) throws(RuleError) -> Content {
        var writer = JSONWriter()
        writer.value(try value.json())
        return .bytes(writer.bytes)
    }

    /// The path of an existing file.
    static func file(_ value: RuleValue) throws(RuleError) -> String {
        let path = value.source.path(try value.text("the path of a file"))
        guard !path.utf8.contains(0), LocalFile.isFile(path) else { throw value.fault("there is no file \(path)") }
        return path
    }

    /// The value of `block`, or `{chance or each, status or close}`.
    static func failure(_ value: RuleValue) throws(RuleError) -> RuleAction {
        guard value.isMapping else { return .refuse(try refusal(value, usual: 503), nil) }
        let members = try value.members(["chance", "each", "status", "close"])
        let odds = try RuleReader.odds(members)
        if let close = members["close"], try close.bool() {
            guard members["status"] == nil else { throw close.fault("status and close do not go together") }
            return .refuse(.close, odds)
        }
        return .refuse(
            try members["status"].map { value throws(RuleError) in try refusal(value) } ?? .status(503),
            odds
        )
    }

    /// `true`, a status, or `close`.
    ///
    /// - Parameter usual: the status that `true` stands for.
    static func refusal(_ value: RuleValue, usual: Int = 403) throws(RuleError) -> Refusal {
        if value.flag == true { return .status(usual) }
        if value.scalar == "close" { return .close }
        guard let status = value.scalar.flatMap({ Int($0) }), statuses.contains(status) else {
            throw value.refused("true (\(usual)), a status from 200 to 999, or close")
        }
        return .status(status)
    }

    /// A path, or `{path, strip, index, missing}`.
    static func localMap(_ value: RuleValue) throws(RuleError) -> LocalMap {
        guard value.isMapping else {
            return LocalMap(path: try path(value), strip: "", indexes: ["index.html"], passesMissing: false)
        }
        let members = try value.members(["path", "strip", "index", "missing"])
        guard let path = members["path"] else { throw value.fault("map-local needs path, of a file or a folder") }
        let strip = try members["strip"].map { value throws(RuleError) in try self.strip(value) }
        let indexes = try members["index"].map { value throws(RuleError) in
            try ActionReader.texts(value, "the name of a file, or a list of them")
        }
        return LocalMap(
            path: try self.path(path),
            strip: strip ?? "",
            indexes: indexes ?? ["index.html"],
            passesMissing: try members["missing"].map(passes) ?? false
        )
    }

    private static func path(_ value: RuleValue) throws(RuleError) -> String {
        let path = value.source.path(try value.text("the path of a file or a folder"))
        guard !path.utf8.contains(0), LocalFile.isFile(path) || LocalFile.isFolder(path) else {
            throw value.fault("there is no file or folder \(path)")
        }
        return path
    }

    private static func strip(_ value: RuleValue) throws(RuleError) -> String {
        let text = try value.text("a path that begins with /")
        guard text.hasPrefix("/") else { throw value.refused("a path that begins with /") }
        return text
    }

    private static func passes(_ value: RuleValue) throws(RuleError) -> Bool {
        switch value.scalar {
        case "404": false
        case "pass": true
        default: throw value.refused("404, or pass")
        }
    }
}

/// A compiled flow filter in mitmproxy's filter syntax. Matching ignores case.
public struct FlowFilter: Sendable {
    /// The filter as it was written.
    public let text: String
    private let expression: FilterExpression<any FilterPattern>

    /// Parses and compiles a filter; an error says where the mistake is.
    public init(_ text: String, compiler: FilterPatternCompiler) throws(FilterError) {
        self.text = text
        let parsed = try FilterParser.parse(text)
        do throws(FilterError) {
            expression = try Self.compiled(parsed.joiningAlternatives, compiler)
        } catch {
            // Without joining, the error points at the pattern that is wrong.
            expression = try Self.compiled(parsed, compiler)
        }
    }

    private static func compiled(
        _ expression: FilterExpression<FilterPatternText>,
        _ compiler: FilterPatternCompiler
    ) throws(FilterError) -> FilterExpression<any FilterPattern> {
        try expression.map { field, pattern throws(FilterError) in
            do throws(FilterPatternError) {
                return try compiler(pattern.text, field.lines)
            } catch {
                throw FilterError(at: pattern.position, error.reason)
            }
        }
    }

    /// Whether the flow matches. Nil when that depends on a body that is not there, or on a search for which there is
    /// no time.
    public func matches(_ flow: some FilterableFlow, _ time: FilterTime = .short) -> Bool? {
        expression.matches(flow, time)
    }

    /// Whether the flow will match at its later events, while its request is being handled. Nil when that depends on
    /// the response, on a body, or on notes that addons may still add.
    public func willMatch(_ flow: some FilterableFlow) -> Bool? {
        expression.matches(flow, .short, isOver: false)
    }
}

extension FilterExpression<any FilterPattern> {
    /// - Parameter isOver: false treats whatever the rest of the flow may change as unknown.
    fileprivate func matches(_ flow: some FilterableFlow, _ time: FilterTime, isOver: Bool = true) -> Bool? {
        switch self {
        case .atom(.flag(let flag)): isOver || flag.isSettledByRequest ? flag.holds(for: flow) : nil
        case .atom(.status(let status)): isOver ? flow.status == status : nil
        case .atom(.pattern(let field, let pattern)):
            isOver || field.isSettledByRequest ? field.holds(for: flow, pattern, time) : nil
        case .not(let operand): operand.matches(flow, time, isOver: isOver).map { !$0 }
        case .and(let operands): Self.all(operands.lazy.map { $0.matches(flow, time, isOver: isOver) })
        case .or(let operands): Self.any(operands.lazy.map { $0.matches(flow, time, isOver: isOver) })
        }
    }

    private static func all(_ answers: some Sequence<Bool?>) -> Bool? {
        any(answers.lazy.map { answer in answer.map { !$0 } }).map { !$0 }
    }

    fileprivate static func any(_ answers: some Sequence<Bool?>) -> Bool? {
        var result: Bool? = false
        for answer in answers {
            if answer == true { return true }
            if answer == nil { result = nil }
        }
        return result
    }
}

extension FilterFlag {
    fileprivate var isSettledByRequest: Bool {
        switch self {
        case .all, .dns, .http, .tcp, .udp, .websocket, .replay, .replayedRequest, .replayedResponse: true
        case .asset, .error, .marked, .noResponse, .response: false
        }
    }

    fileprivate func holds(for flow: some FilterableFlow) -> Bool {
        switch self {
        case .asset: flow.contentTypes(of: .response).contains(where: Self.isAsset)
        case .all: true
        case .dns: flow.kind == .dns
        case .error: flow.hasError
        case .http: flow.kind == .http || flow.kind == .websocket
        case .marked: !flow.marked.isEmpty
        case .noResponse: flow.hasResponse == false
        case .replay: flow.replay != nil
        case .replayedRequest: flow.replay == "request"
        case .replayedResponse: flow.replay == "response"
        case .response: flow.hasResponse == true
        case .tcp: flow.kind == .tcp
        case .udp: flow.kind == .udp
        case .websocket: flow.kind == .websocket
        }
    }

    private static let assetTypes = [
        "text/javascript", "application/x-javascript", "application/javascript", "text/css", "image/", "font/",
        "application/font",
    ]

    private static func isAsset(_ contentType: [UInt8]) -> Bool {
        let type = String(decoding: contentType, as: UTF8.self).lowercased()
        return assetTypes.contains { type.contains($0) }
    }
}

extension FilterField {
    fileprivate var isSettledByRequest: Bool {
        switch self {
        case .domain, .method, .requestContentType, .requestHeader, .source, .url: true
        case .body, .requestBody, .responseBody, .comment, .destination, .header, .responseHeader, .marker, .metadata,
            .contentType, .responseContentType:
            false
        }
    }

    fileprivate func holds(
        for flow: some FilterableFlow,
        _ pattern: any FilterPattern,
        _ time: FilterTime
    ) -> Bool? {
        guard let texts = texts(of: flow) else { return nil }
        return FilterExpression.any(texts.lazy.map { pattern.isFound(in: $0, time) })
    }

    /// The texts to search; nil when they are unknown.
    private func texts(of flow: some FilterableFlow) -> [[UInt8]]? {
        switch self {
        case .body: Self.bodies(flow, .request, .response)
        case .requestBody: Self.bodies(flow, .request)
        case .responseBody: Self.bodies(flow, .response)
        case .comment: [Array(flow.comment.utf8)]
        case .domain: flow.hosts
        case .destination: flow.destination.map { [Array($0.utf8)] } ?? []
        case .header: [flow.headerLines(of: .request), flow.headerLines(of: .response)].compactMap(\.self)
        case .requestHeader: [flow.headerLines(of: .request)].compactMap(\.self)
        case .responseHeader: [flow.headerLines(of: .response)].compactMap(\.self)
        case .method: [flow.method].compactMap(\.self)
        case .marker: [Array(flow.marked.utf8)]
        case .metadata: [Array(flow.metadata.utf8)]
        case .source: flow.source.map { [Array($0.utf8)] } ?? []
        case .contentType: flow.contentTypes(of: .request) + flow.contentTypes(of: .response)
        case .requestContentType: flow.contentTypes(of: .request)
        case .responseContentType: flow.contentTypes(of: .response)
        case .url: [flow.url].compactMap(\.self)
        }
    }

    private static func bodies(_ flow: some FilterableFlow, _ sides: FilterSide...) -> [[UInt8]]? {
        var result: [[UInt8]] = []
        for side in sides {
            guard case .known(let bodies) = flow.bodies(of: side) else { return nil }
            result += bodies
        }
        return result
    }
}

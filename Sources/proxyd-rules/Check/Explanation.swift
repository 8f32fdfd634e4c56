import AddonProtocol
import AddonSDK

/// Explains in words what rules would do with a request.
package struct Explanation {
    /// The request to explain.
    package struct Request {
        let url: String
        let parts: RequestURL
        let method: String
        let headers: [(name: String, value: String)]

        /// - Parameter fields: header fields, each as `name: value`.
        /// - Throws: a `RuleError` for an invalid URL or field.
        package init(_ url: String, method: String, fields: [String]) throws(RuleError) {
            guard let parts = RequestURL(url) else {
                throw RuleError(url, "this is not a URL that begins with http:// or https://")
            }
            var headers: [(name: String, value: String)] = []
            for field in fields {
                let pair = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard pair.count == 2, HeaderEdit.isName(String(pair[0])) else {
                    throw RuleError("--header", "\"\(field)\" is not allowed; allowed is NAME: VALUE")
                }
                headers.append((String(pair[0]), String(pair[1].trimmingPrefix { $0 == " " })))
            }
            if !headers.contains(where: { $0.name.lowercased() == "host" }) {
                headers.append(("host", parts.host + (parts.port.map { ":\($0)" } ?? "")))
            }
            (self.url, self.parts, self.method, self.headers) = (url, parts, method, headers)
        }

        /// The flow at its first event.
        fileprivate var flow: RuleFlow {
            let port = parts.port ?? (parts.scheme == "https" ? 443 : 80)
            let fields = headers.map { JSONValue.array([.string($0.name), .string($0.value)]) }
            let request: JSONValue = [
                "method": .string(method), "scheme": .string(parts.scheme), "host": .string(parts.hostName),
                "port": .integer(port), "path": .string(parts.path), "authority": "", "url": .string(url),
                "http_version": "HTTP/1.1", "headers": .array(fields), "content": .null, "trailers": .null,
                "stream": false,
            ]
            let flow: JSONValue = [
                "id": "", "type": "http", "request": request, "response": .null, "error": .null, "marked": "",
                "comment": "", "metadata": .object([]), "is_replay": .null,
            ]
            return RuleFlow(HTTPFlow(LazyJSON(flow)), .requestHead)
        }
    }

    private let rules: RuleSet
    private let request: Request

    /// - Parameters:
    ///   - rules: the rules to explain.
    ///   - request: the request to try them on.
    package init(_ rules: RuleSet, _ request: Request) {
        (self.rules, self.request) = (rules, request)
    }

    /// The number of rules, in words.
    package static func count(_ rules: RuleSet) -> String {
        "\(rules.rules.count) \(rules.rules.count == 1 ? "rule" : "rules"), no fault"
    }

    /// A line for each rule. Each rule is tried on the request as the rules before it have changed it.
    package var lines: [String] {
        let flow = request.flow
        var end: String?
        return rules.rules.map { rule in
            let name = rule.origin + (rule.name.map { " (\($0))" } ?? "")
            if let end { return "\(name): not reached, since \(end)" }
            let verdict = rule.condition?.expression.verdict(flow) ?? .holds
            guard case .fails(let reason) = verdict else {
                let change = apply(rule, verdict, to: flow)
                if rule.stops, verdict == .holds, rule.odds == nil { end = "\(rule.origin) stops" }
                return "\(name): \(Self.text(rule, verdict))\(change)"
            }
            return "\(name): does not apply, since \(reason) does not hold"
        }
    }

    private static func text(_ rule: Rule, _ verdict: Verdict) -> String {
        let actions = rule.actionNames + (rule.stops ? ["stop"] : [])
        let odds = rule.odds.map { " (\($0.text))" } ?? ""
        switch verdict {
        case .holds, .fails: return "applies\(odds): \(actions.joined(separator: ", "))"
        case .depends(let on): return "may apply\(odds), depending on \(on): \(actions.joined(separator: ", "))"
        }
    }

    /// Applies what later rules can see of the action.
    private func apply(_ rule: Rule, _ verdict: Verdict, to flow: RuleFlow) -> String {
        guard verdict == .holds else { return "" }
        for action in rule.actions {
            switch action {
            case .editHeaders(let edit, .request), .editHeaders(let edit, .both):
                edit.apply(to: &flow.flow.request.headers)
            case .mapRemote(let map):
                guard let url = try? map.mapped(flow.prettyURL) else { return " (not this URL)" }
                flow.send(to: url)
                return " → \(url)"
            default: break
            }
        }
        return ""
    }
}

extension Explanation {
    fileprivate enum Verdict: Equatable {
        case holds
        /// With the part of the filter that does not hold.
        case fails(String)
        /// With what it depends on.
        case depends(String)
    }
}

extension FilterExpression<FilterPatternText> {
    fileprivate func verdict(_ flow: RuleFlow) -> Explanation.Verdict {
        switch self {
        case .atom(let atom): return atom.verdict(flow)
        case .not(let operand):
            switch operand.verdict(flow) {
            case .holds: return .fails(text)
            case .fails: return .holds
            case .depends(let on): return .depends(on)
            }
        case .and(let operands):
            let verdicts = operands.map { $0.verdict(flow) }
            let failing = verdicts.first { if case .fails = $0 { true } else { false } }
            return failing ?? verdicts.first { $0 != .holds } ?? .holds
        case .or(let operands):
            let verdicts = operands.map { $0.verdict(flow) }
            if verdicts.contains(.holds) { return .holds }
            return verdicts.first { if case .depends = $0 { true } else { false } } ?? .fails(text)
        }
    }
}

extension FilterAtom<FilterPatternText> {
    fileprivate func verdict(_ flow: RuleFlow) -> Explanation.Verdict {
        switch self {
        case .flag(.noResponse): return .holds
        case .flag(.error), .flag(.websocket), .flag(.tcp), .flag(.udp), .flag(.dns): return .depends(text)
        case .pattern(.requestBody, _), .pattern(.source, _), .pattern(.destination, _): return .depends(text)
        default: break
        }
        let condition = try? Condition(text, at: "")
        if condition?.holds(for: flow) ?? false { return .holds }
        return looksAtResponse ? .depends(text) : .fails(text)
    }
}

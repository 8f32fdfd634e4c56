import AddonSDK

/// Applies the rules to a flow.
extension RuleSet {
    /// - Parameters:
    ///   - throttled: where to register bodies that are to be slowed down.
    ///   - report: logs what could not be done.
    func apply(to flow: RuleFlow, _ throttled: ThrottledBodies, report: (String) -> Void) async throws {
        var decided = Decided(flow, self)
        for index in indices(at: flow.stage) where applies(index, to: flow, &decided) {
            let rule = rules[index]
            for action in rule.actions where rule.stages(of: action).contains(flow.stage) {
                do {
                    try await apply(action, to: flow, throttled)
                } catch let failure as ActionFailure {
                    if let status = failure.answer { flow.answer(HTTPResponse(status: status)) }
                    report("\(rule.origin): \(failure)")
                }
            }
            if rule.stops { break }
        }
        decided.remember(flow, self)
    }

    private func apply(_ action: RuleAction, to flow: RuleFlow, _ throttled: ThrottledBodies) async throws {
        switch action {
        case .mark(let mark): flow.flow.marked = mark
        case .comment(let comment): flow.flow.comment = comment
        case .delay(let delay): try await delay.wait()
        case .throttle(let throttle): try await apply(throttle, to: flow, throttled)
        default:
            if flow.stage.isOfResponse {
                try await changeResponse(action, of: flow)
            } else {
                try await changeRequest(action, of: flow)
            }
        }
    }

    /// A request that is answered already is not changed.
    private func changeRequest(_ action: RuleAction, of flow: RuleFlow) async throws {
        guard !flow.isAnswered else { return }
        switch action {
        case .editHeaders(let edit, _): edit.apply(to: &flow.flow.request.headers)
        case .modifyHeaders(let list): try list.apply(to: &flow.flow.request.headers, of: flow)
        case .stripCookies(let stripping): stripping.strip(request: &flow.flow.request.headers)
        case .askForWhole: flow.flow.request.headers.askForWhole()
        case .askForPlain: flow.flow.request.headers.askForPlain()
        case .mapRemote(let map): if let url = try await map.mapped(apartIfLong: flow.prettyURL) { flow.send(to: url) }
        case .substitute, .editJSON:
            if let new = try await changed(flow.flow.request.content, action) { flow.flow.request.content = new }
        default: try await answer(action, flow)
        }
    }

    /// - Returns: nil for a body that does not change.
    private func changed(_ content: [UInt8]?, _ action: RuleAction) async throws -> [UInt8]? {
        guard let content else { return nil }
        return switch action {
        case .substitute(let substitution, _): try await apart { try substitution.applied(to: content) }
        case .editJSON(let edit, _): try await apart { try edit.applied(to: content) }
        default: nil
        }
    }

    private func answer(_ action: RuleAction, _ flow: RuleFlow) async throws {
        switch action {
        case .mapLocal(let map):
            let path = flow.flow.request.path
            flow.answer(try await apart { try map.response(for: path) })
        case .mapLocalByPattern(let list): flow.answer(try await list.response(for: flow.prettyURL, of: flow))
        case .respond(let answer):
            flow.answer(answer.readsFile ? try await apart { try answer.response() } : try answer.response())
        case .redirect(let redirect): flow.answer(redirect.response(for: flow.prettyURL))
        case .refuse(let refusal, let odds): if odds?.isHit() ?? true { flow.refuse(refusal) }
        case .refuseListed(let list):
            // The last one counts, as in mitmproxy.
            guard let last = list.last(where: { $0.condition.holds(for: flow) }) else { return }
            flow.flow.setMetadata("blocklisted", to: true)
            flow.refuse(last.refusal, ["server": "proxyd"])
        default: break
        }
    }

    private func changeResponse(_ action: RuleAction, of flow: RuleFlow) async throws {
        guard flow.flow.response != nil else { return }
        switch action {
        case .editHeaders(let edit, _): flow.editResponse { edit.apply(to: &$0.headers) }
        case .modifyHeaders(let list): try flow.editResponse { try list.apply(to: &$0.headers, of: flow) }
        case .stripCookies(let stripping): flow.editResponse { stripping.strip(response: &$0.headers) }
        case .substitute, .editJSON:
            if let new = try await changed(flow.flow.response?.content, action) {
                flow.editResponse { $0.content = new }
            }
        default: break
        }
    }

    /// A body that a rule needs as a whole is delayed as a whole.
    private func apply(_ throttle: Throttle, to flow: RuleFlow, _ throttled: ThrottledBodies) async throws {
        guard let rate = throttle.rate(of: flow.stage), !flow.isAnswered else { return }
        let bodyStage = flow.stage.isOfResponse ? Stage.response : .request
        guard flow.stage != bodyStage, !mayWantBody(at: bodyStage, of: flow), !flow.isAnsweredByAddon else {
            return try await Task.sleep(for: min(Throttle.time(of: flow.bodySize, at: rate), Delay.longest))
        }
        if flow.stage.isOfResponse {
            flow.editResponse { $0.stream = .events }
        } else {
            flow.flow.request.stream = .events
        }
        throttled.add(flow.flow.id, isResponse: flow.stage.isOfResponse, rate: rate)
    }
}

extension RuleFlow {
    /// Whether the flow has an addon's answer, or will never get an answer.
    var isAnswered: Bool { isKilled || (!stage.isOfResponse && flow.response != nil) }

    /// Whether the response comes from an addon, and so has its body already.
    var isAnsweredByAddon: Bool { flow.response?.origin.hasPrefix("addon:") ?? false }

    /// The size of this stage's body in bytes, as far as it is known.
    var bodySize: Int {
        let (content, headers) =
            stage.isOfResponse
            ? (flow.response?.content, flow.response?.headers) : (flow.request.content, flow.request.headers)
        return content?.count ?? headers?["content-length"].flatMap { Int($0) } ?? 0
    }

    /// - Parameter response: the answer; nil: the request continues.
    func answer(_ response: HTTPResponse?) {
        if let response { flow.response = response }
    }

    func refuse(_ refusal: Refusal, _ headers: Headers = [:]) {
        switch refusal {
        case .status(let status): answer(HTTPResponse(status: status, headers: headers))
        case .close: kill()
        }
    }

    func editResponse(_ edit: (inout HTTPResponse) throws -> Void) rethrows {
        guard var response = flow.response else { return }
        defer { flow.response = response }
        try edit(&response)
    }
}

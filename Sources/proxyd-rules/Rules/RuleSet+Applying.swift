import AddonSDK

/// Does to a flow what the rules say.
extension RuleSet {
    /// - Parameters:
    ///   - throttled: where bodies are noted that are to go by slowly.
    ///   - report: takes what could not be done, for the log.
    func apply(to flow: RuleFlow, _ throttled: ThrottledBodies, report: (String) -> Void) async throws {
        var decided = Decided(flow, self)
        for index in indices(at: flow.stage) where applies(index, to: flow, &decided) {
            let rule = rules[index]
            for action in rule.actions where rule.stages(of: action).contains(flow.stage) {
                do {
                    try await apply(action, to: flow, throttled)
                } catch let failure as ActionFailure {
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
                try changeResponse(action, of: flow)
            } else {
                try changeRequest(action, of: flow)
            }
        }
    }

    /// Nothing is done to a request that is answered already.
    private func changeRequest(_ action: RuleAction, of flow: RuleFlow) throws {
        guard !flow.isAnswered else { return }
        switch action {
        case .editHeaders(let edit, _): edit.apply(to: &flow.flow.request.headers)
        case .modifyHeaders(let list): try list.apply(to: &flow.flow.request.headers, of: flow)
        case .stripCookies(let stripping): stripping.strip(request: &flow.flow.request.headers)
        case .askForWhole: flow.flow.request.headers.askForWhole()
        case .askForPlain: flow.flow.request.headers.askForPlain()
        case .mapRemote(let map): if let url = try map.mapped(flow.prettyURL) { flow.send(to: url) }
        case .substitute(let substitution, _):
            if let content = flow.flow.request.content, let new = try substitution.applied(to: content) {
                flow.flow.request.content = new
            }
        case .editJSON(let edit, _):
            if let content = flow.flow.request.content, let new = edit.applied(to: content) {
                flow.flow.request.content = new
            }
        default: try answer(action, flow)
        }
    }

    private func answer(_ action: RuleAction, _ flow: RuleFlow) throws {
        switch action {
        case .mapLocal(let map): flow.answer(try map.response(for: flow.flow.request.path))
        case .mapLocalByPattern(let list): flow.answer(try list.response(for: flow.prettyURL, of: flow))
        case .respond(let answer): flow.answer(try answer.response())
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

    private func changeResponse(_ action: RuleAction, of flow: RuleFlow) throws {
        guard flow.flow.response != nil else { return }
        switch action {
        case .editHeaders(let edit, _): flow.editResponse { edit.apply(to: &$0.headers) }
        case .modifyHeaders(let list): try flow.editResponse { try list.apply(to: &$0.headers, of: flow) }
        case .stripCookies(let stripping): flow.editResponse { stripping.strip(response: &$0.headers) }
        case .substitute(let substitution, _):
            try flow.editResponse { response in
                if let new = try response.content.flatMap(substitution.applied) { response.content = new }
            }
        case .editJSON(let edit, _):
            flow.editResponse { response in
                if let new = response.content.flatMap(edit.applied) { response.content = new }
            }
        default: break
        }
    }

    /// A body that a rule wants as a whole waits as a whole.
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
    /// Whether an addon has answered, or nothing will be.
    var isAnswered: Bool { isKilled || (!stage.isOfResponse && flow.response != nil) }

    /// Whether the response is an addon's, and so has its body already.
    var isAnsweredByAddon: Bool { flow.response?.origin.hasPrefix("addon:") ?? false }

    /// How many bytes of body this stage is about, as far as that is known.
    var bodySize: Int {
        let (content, headers) =
            stage.isOfResponse
            ? (flow.response?.content, flow.response?.headers) : (flow.request.content, flow.request.headers)
        return content?.count ?? headers?["content-length"].flatMap { Int($0) } ?? 0
    }

    /// - Parameter response: nil: it goes on.
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
        try edit(&response)
        flow.response = response
    }
}

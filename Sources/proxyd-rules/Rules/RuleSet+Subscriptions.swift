import AddonProtocol

/// What the rules need to subscribe to, and no more.
extension RuleSet {
    var subscriptions: [Subscription] {
        Stage.allCases.compactMap(subscription) + chunks
    }

    private func subscription(_ stage: Stage) -> Subscription? {
        let indices = indices(at: stage)
        guard !indices.isEmpty else { return nil }
        return Subscription(
            event: stage.event,
            body: stage.hasBody ? .full : .none,
            decode: stage == .request || stage == .response,
            keep: looksBack(stage, indices) ? [.requestContent] : [],
            include: include(stage, indices),
            exclude: exclude(stage, indices),
            timeoutMilliseconds: timeout(stage, indices),
            onFailure: blocks(stage, indices) ? .closed : nil,
            filter: filter(stage, indices)
        )
    }

    /// Whether one of the rules blocks traffic, so that nothing may pass unseen.
    private func blocks(_ stage: Stage, _ indices: [Int]) -> Bool {
        indices.contains { index in
            rules[index].actions.contains { $0.blocks && rules[index].stages(of: $0).contains(stage) }
        }
    }

    /// A filter that matches if any of the rules' filters does; nil: every flow, or the combined filter is too long.
    private func filter(_ stage: Stage, _ indices: [Int]) -> String? {
        var alternatives: [String] = []
        for index in indices {
            let isDecided = parts[index].decisionStage.map { $0 < stage } ?? false
            if isDecided {
                let decided = "~meta \"^\(Self.metadataName): \""
                if !alternatives.contains(decided) { alternatives.append(decided) }
                continue
            }
            guard let condition = rules[index].condition else { return nil }
            alternatives.append("(\(condition.text))")
        }
        let filter = alternatives.joined(separator: " | ")
        return (try? FilterExpression.parse(filter)).map { _ in filter }
    }

    private func conditions(_ indices: [Int]) -> [Condition] { indices.compactMap { rules[$0].condition } }

    private func include(_ stage: Stage, _ indices: [Int]) -> [String] {
        let conditions = conditions(indices)
        var paths = stage == .message ? ["handshake_flow", "messages"] : ["request"]
        if stage.isOfResponse { paths.append("response") }
        if conditions.contains(where: { $0.looksAt(.source) }) { paths.append("client_conn") }
        if conditions.contains(where: { $0.looksAt(.destination) }) { paths.append("server_conn") }
        if conditions.contains(where: { $0.looksAt(.comment) }) { paths.append("comment") }
        if conditions.contains(where: { $0.looksAt(.marker) || $0.looksAt(.marked) }) { paths.append("marked") }
        if conditions.contains(where: { $0.looksAt(.replay, .replayedRequest, .replayedResponse) }) {
            paths.append("is_replay")
        }
        if conditions.contains(where: { $0.looksAt(.error) }) { paths.append("error") }
        let remembers = indices.contains { parts[$0].isRemembered }
        if remembers || conditions.contains(where: { $0.looksAt(.metadata) }) { paths.append("metadata") }
        return paths
    }

    private func exclude(_ stage: Stage, _ indices: [Int]) -> [String] {
        stage.isOfResponse && !looksBack(stage, indices) ? ["request.content"] : []
    }

    /// Whether a filter that is tried at the response looks at the request's body.
    private func looksBack(_ stage: Stage, _ indices: [Int]) -> Bool {
        let tried = indices.filter { parts[$0].decisionStage == nil }
        return stage.isOfResponse && conditions(tried).contains { $0.looksAtBody(of: .request) }
    }

    /// The sum of the rules' delays, and a little more; nil: the default timeout.
    private func timeout(_ stage: Stage, _ indices: [Int]) -> ReplyTimeout? {
        var longest = Duration.zero
        for index in indices {
            for action in rules[index].actions where rules[index].stages(of: action).contains(stage) {
                switch action {
                case .delay(let delay), .delayMessage(let delay): longest += delay.time + delay.jitter
                case .throttle: longest += Delay.longest
                default: break
                }
            }
        }
        guard longest > .zero else { return nil }
        return .milliseconds(
            min(Int(longest.components.seconds) * 1000 + 6_000, Subscription.maximumTimeoutMilliseconds)
        )
    }

    /// Subscriptions for throttled bodies, and for flows whose bodies break off.
    private var chunks: [Subscription] {
        let throttled: [(Event, Stage)] = [(.requestData, .requestHead), (.responseData, .responseHead)]
        let events = throttled.compactMap { event, stage in hasThrottle(at: stage) ? event : nil }
        guard !events.isEmpty else { return [] }
        let longest = Int(Delay.longest.components.seconds) * 1000 + 6_000
        return events.map { Subscription(event: $0, timeoutMilliseconds: .milliseconds(longest)) }
            + [Subscription(event: .error, mode: .observe, body: .none, include: ["id"])]
    }

    private func hasThrottle(at stage: Stage) -> Bool {
        rules.contains { rule in
            rule.actions.contains { action in
                guard case .throttle = action else { return false }
                return rule.stages(of: action).contains(where: { $0.isOfResponse == stage.isOfResponse })
            }
        }
    }
}

package import AddonProtocol
package import AddonSDK
import Foundation
import ProxyCore
import Synchronization

/// The addon `proxyd-rules`, which applies rules to the traffic.
package final class RulesAddon: StartHandler, ConfigureHandler, RequestHeadersHandler, RequestHandler,
    ResponseHeadersHandler, ResponseHandler, RequestDataHandler, ResponseDataHandler, ErrorHandler,
    WebSocketMessageHandler
{
    /// The name under which it registers.
    package var name: String { BundledAddon.rulesName }
    /// The rules file given on its command line; nil: the daemon's options name the rules.
    private let file: String?
    private let current: Mutex<RuleSet>
    private let throttled = ThrottledBodies()
    private let turns = Mutex<Task<Void, any Error>?>(nil)
    private let watch = RulesWatch()
    private let isConfigured = Atomic(false)
    private let giveUp: @Sendable (any Error) -> Never

    /// An addon with the rules that the daemon's options name.
    package convenience init() {
        self.init(file: nil, .none) { error in
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(EXIT_FAILURE)
        }
    }

    /// - Parameters:
    ///   - file: the rules file, which is watched; nil: the daemon's options name it.
    ///   - rules: the rules of the file.
    ///   - giveUp: ends the process when it cannot do what its rules say; the daemon starts it again.
    package init(file: String?, _ rules: RuleSet, giveUp: @escaping @Sendable (any Error) -> Never) {
        self.file = file
        self.giveUp = giveUp
        current = Mutex(rules)
    }

    /// What it subscribes to, and how.
    package var settings: AddonSettings {
        var settings = AddonSettings()
        // Events that it delays must not hold up others.
        settings.maxInFlight = Registration.maximumInFlight
        settings.subscribesAsHandled = false
        return settings
    }

    // MARK: The rules in force

    /// Subscribes to what the rules need, and starts watching the file.
    package func start() async throws {
        do {
            try await subscribe(current.withLock { $0 }, insteadOf: nil)
        } catch {
            giveUp(error)
        }
        follow(file, PatternOptions())
    }

    /// An error vetoes the change. The first time there are no previous rules to keep, so the process ends, and
    /// the daemon restarts it until there are rules.
    package func configure(options: [String: JSONValue], updated: [String]) async throws {
        guard file == nil, !Set(updated).isDisjoint(with: RulesSettings.names) else { return }
        let settings = RulesSettings(try await Daemon.current.options(RulesSettings.names))
        let isFirst = isConfigured.exchange(true, ordering: .relaxed) == false
        do {
            try await take { () throws(RuleError) in try RuleSet.load(file: settings.file, settings.patterns) }
        } catch  where isFirst {
            giveUp(error)
        }
        follow(settings.file, settings.patterns)
    }

    private func follow(_ file: String?, _ patterns: PatternOptions) {
        guard let file else { return watch.end() }
        watch.follow(file, since: current.withLock { $0.fileState }) { await self.reload(file, patterns) }
    }

    private func reload(_ file: String, _ patterns: PatternOptions) async {
        do {
            try await take { () throws(RuleError) in try RuleSet.load(file: file, patterns) }
            let count = current.withLock { $0.rules.count }
            try Daemon.current.log("read \(file) again: \(count) \(count == 1 ? "rule" : "rules")")
        } catch {
            try? Daemon.current.log("\(error); the previous rules stay in force", level: .error)
        }
    }

    /// Puts new rules in force, one change at a time.
    private func take(_ load: @escaping @Sendable () throws(RuleError) -> RuleSet) async throws {
        let task = turns.withLock { former in
            let task = Task { [former] in
                _ = await former?.result
                let rules = try load()
                try await self.subscribe(rules, insteadOf: self.current.withLock { $0 })
            }
            former = task
            return task
        }
        try await task.value
    }

    /// Subscribes to what the new rules need before they are in force, and unsubscribes from what only the old ones needed after that.
    private func subscribe(_ rules: RuleSet, insteadOf former: RuleSet?) async throws {
        let daemon = try Daemon.current
        let subscriptions = rules.subscriptions
        if !subscriptions.isEmpty {
            _ = try await daemon.call(.subscribe, ["events": .array(subscriptions.map(\.json))])
        }
        current.withLock { $0 = rules }
        let needless = (former?.subscriptions ?? []).map(\.event).filter { event in
            !subscriptions.contains { $0.event == event }
        }
        guard !needless.isEmpty else { return }
        _ = try await daemon.call(.unsubscribe, ["events": .array(needless.map { .string($0.rawValue) })])
    }

    // MARK: Traffic

    /// Applies the rules to a request's head.
    package func requestheaders(_ flow: HTTPFlow) async throws { try await apply(to: flow, .requestHead) }
    /// Applies the rules to a request.
    package func request(_ flow: HTTPFlow) async throws { try await apply(to: flow, .request) }
    /// Applies the rules to a response's head.
    package func responseheaders(_ flow: HTTPFlow) async throws { try await apply(to: flow, .responseHead) }
    /// Applies the rules to a response.
    package func response(_ flow: HTTPFlow) async throws { try await apply(to: flow, .response) }

    private func apply(to flow: HTTPFlow, _ stage: Stage) async throws {
        let rules = current.withLock { $0 }
        // Nothing waits any more for a flow that the daemon has given up.
        do {
            try await rules.apply(to: RuleFlow(flow, stage), throttled) { report($0, flow) }
        } catch is CancellationError {}
    }

    /// Applies the rules to a WebSocket message.
    package func websocketMessage(_ flow: WebSocketFlow) async throws {
        let rules = current.withLock { $0 }
        do { try await rules.apply(to: RuleMessage(flow)) { report($0, nil) } } catch is CancellationError {}
    }

    /// Slows a request's body down.
    package func requestData(_ chunk: BodyChunk) async throws -> BodyChunkReply {
        try await throttled.pass(chunk, isResponse: false)
    }

    /// Slows a response's body down.
    package func responseData(_ chunk: BodyChunk) async throws -> BodyChunkReply {
        try await throttled.pass(chunk, isResponse: true)
    }

    /// Forgets a flow that failed.
    package func error(_ flow: HTTPFlow) { throttled.forget(flow.id) }

    private func report(_ text: String, _ flow: HTTPFlow?) {
        try? Daemon.current.log(text, level: .warn, flow: flow)
    }
}

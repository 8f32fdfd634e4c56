package import AddonProtocol
package import AddonSDK
import Foundation
import ProxyCore
import Synchronization

/// The addon `proxyd-rules`: does to the traffic what rules say.
package final class RulesAddon: StartHandler, ConfigureHandler, RequestHeadersHandler, RequestHandler,
    ResponseHeadersHandler, ResponseHandler, RequestDataHandler, ResponseDataHandler, ErrorHandler,
    WebSocketMessageHandler
{
    package var name: String { BundledAddon.rulesName }
    /// The file of one that was given it; nil: what the daemon's options say.
    private let file: String?
    private let current: Mutex<RuleSet>
    private let throttled = ThrottledBodies()
    private let turns = Mutex<Task<Void, any Error>?>(nil)
    private let watch = RulesWatch()
    private let isConfigured = Atomic(false)
    private let giveUp: @Sendable (any Error) -> Never

    package convenience init() {
        self.init(file: nil, .none) { error in
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(EXIT_FAILURE)
        }
    }

    /// - Parameters:
    ///   - file: the file of the rules, which is watched; nil: the daemon's options tell it.
    ///   - rules: those of the file.
    ///   - giveUp: ends the process, which cannot do as its rules say; the daemon starts it again.
    package init(file: String?, _ rules: RuleSet, giveUp: @escaping @Sendable (any Error) -> Never) {
        self.file = file
        self.giveUp = giveUp
        current = Mutex(rules)
    }

    package var settings: AddonSettings {
        var settings = AddonSettings()
        // What waits holds nothing up.
        settings.maxInFlight = Registration.maximumInFlight
        settings.subscribesAsHandled = false
        return settings
    }

    // MARK: Which rules

    package func start() async throws {
        do {
            try await subscribe(current.withLock { $0 }, insteadOf: nil)
        } catch {
            giveUp(error)
        }
        follow(file, PatternOptions())
    }

    /// An error vetoes the change; the first time there are no rules to go back to, and
    /// the daemon starts the process again until there are.
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
            try? Daemon.current.log("\(error); the rules that were read before stay in force", level: .error)
        }
    }

    /// Puts other rules in force, one change at a time.
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

    /// What the new rules need is there before they are, and what only the old ones needed until they are not.
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

    package func requestheaders(_ flow: HTTPFlow) async throws { try await apply(to: flow, .requestHead) }
    package func request(_ flow: HTTPFlow) async throws { try await apply(to: flow, .request) }
    package func responseheaders(_ flow: HTTPFlow) async throws { try await apply(to: flow, .responseHead) }
    package func response(_ flow: HTTPFlow) async throws { try await apply(to: flow, .response) }

    private func apply(to flow: HTTPFlow, _ stage: Stage) async throws {
        let rules = current.withLock { $0 }
        // Nothing waits any more for a flow that has been given up.
        do {
            try await rules.apply(to: RuleFlow(flow, stage), throttled) { report($0, flow) }
        } catch is CancellationError {}
    }

    package func websocketMessage(_ flow: WebSocketFlow) async throws {
        let rules = current.withLock { $0 }
        do { try await rules.apply(to: RuleMessage(flow)) { report($0, nil) } } catch is CancellationError {}
    }

    package func requestData(_ chunk: BodyChunk) async throws -> BodyChunkReply {
        try await throttled.pass(chunk, isResponse: false)
    }

    package func responseData(_ chunk: BodyChunk) async throws -> BodyChunkReply {
        try await throttled.pass(chunk, isResponse: true)
    }

    package func error(_ flow: HTTPFlow) { throttled.forget(flow.id) }

    private func report(_ text: String, _ flow: HTTPFlow?) {
        try? Daemon.current.log(text, level: .warn, flow: flow)
    }
}
